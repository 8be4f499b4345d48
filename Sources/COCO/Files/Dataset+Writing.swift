extension Dataset {
    /// Writes an annotation file, atomically.
    ///
    /// - Throws: ``AnnotationFileError`` if the file cannot be written or a number is not finite.
    public func write(to path: String) throws {
        var writer = try JSONWriter(path: path)
        try write(&writer, name: path)
        _ = try writer.finish()
    }

    /// The text of an annotation file, UTF-8.
    ///
    /// - Throws: ``AnnotationFileError`` if a number is not finite.
    public func json() throws -> [UInt8] {
        var writer = try JSONWriter(path: nil)
        try write(&writer, name: "JSON")
        return try writer.finish()
    }

    private func write(_ writer: inout JSONWriter, name: String) throws {
        try writer.raw("{")
        if let info {
            try writer.raw("\"info\": ")
            try writer.raw(info)
            try writer.raw(",\n")
        }
        if let licenses {
            try writer.raw("\"licenses\": ")
            try writer.raw(licenses)
            try writer.raw(",\n")
        }
        try writer.raw("\"images\": ")
        try writer.list(0..<images.count) { try write(image: $1, &$0) }
        try writer.raw(",\n\"annotations\": ")
        try writer.list(ofRows: annotations.count) { try write(annotation: $1, &$0, name: name) }
        try writer.raw(",\n\"categories\": ")
        try writer.list(categories) { try write(category: $1, &$0) }
        try writer.raw("}\n")
    }

    private func write(image row: Int, _ writer: inout JSONWriter) throws {
        try writer.raw("{\"id\": ")
        writer.integer(images.ids[row])
        if images.widths[row] > 0 || images.heights[row] > 0 {
            try writer.raw(", \"width\": ")
            writer.integer(images.widths[row])
            try writer.raw(", \"height\": ")
            writer.integer(images.heights[row])
        }
        if !images.fileNames.isEmpty(row) {
            try writer.raw(", \"file_name\": ")
            writer.string(images.fileNames[row])
        }
        if !images.cocoURLs.isEmpty(row) {
            try writer.raw(", \"coco_url\": ")
            writer.string(images.cocoURLs[row])
        }
        if let license = images.licenses[row] {
            try writer.raw(", \"license\": ")
            writer.integer(license)
        }
        if let list = images.negativeCategoryIDs[row] {
            try writer.raw(", \"neg_category_ids\": ")
            try writer.list(list) { $0.integer($1) }
        }
        if let list = images.notExhaustiveCategoryIDs[row] {
            try writer.raw(", \"not_exhaustive_category_ids\": ")
            try writer.list(list) { $0.integer($1) }
        }
        try writer.raw("}")
    }

    private func write(annotation row: Int, _ writer: inout JSONWriter, name: String) throws {
        let flags = annotations.flags[row]
        try annotations.checkFinite(row, name: name)
        try writer.raw("{\"id\": ")
        writer.integer(annotations.ids[row])
        try writer.raw(", \"image_id\": ")
        writer.integer(annotations.imageIDs[row])
        try writer.raw(", \"category_id\": ")
        writer.integer(annotations.categoryIDs[row])
        if annotations.segmentations.kind(row) != .none {
            try writer.raw(", \"segmentation\": ")
            try writer.segmentation(row, of: annotations.segmentations)
        }
        if flags.contains(.hasArea) {
            try writer.raw(", \"area\": ")
            writer.number(annotations.areas[row])
        }
        if flags.contains(.hasBox) {
            try writer.raw(", \"bbox\": ")
            try writer.box(annotations.boxes[row])
        }
        try writer.raw(flags.contains(.isCrowd) ? ", \"iscrowd\": 1" : ", \"iscrowd\": 0")
        if flags.contains(.isIgnored) { try writer.raw(", \"ignore\": 1") }
        if let text = annotations.attributes[row] {
            try writer.raw(", \"attributes\": ")
            try writer.raw(text)
        }
        try writer.raw("}")
    }

    private func write(category: Category, _ writer: inout JSONWriter) throws {
        func text(_ key: StaticString, _ value: String?, _ writer: inout JSONWriter) throws {
            guard let value else { return }
            try writer.raw(key)
            writer.string(value)
        }
        func integer(_ key: StaticString, _ value: Int?, _ writer: inout JSONWriter) throws {
            guard let value else { return }
            try writer.raw(key)
            writer.integer(value)
        }
        try writer.raw("{\"id\": ")
        writer.integer(category.id)
        try text(", \"name\": ", category.name, &writer)
        try text(", \"supercategory\": ", category.supercategory, &writer)
        try text(", \"frequency\": ", category.frequency?.rawValue, &writer)
        try integer(", \"image_count\": ", category.imageCount, &writer)
        try integer(", \"instance_count\": ", category.instanceCount, &writer)
        try text(", \"synset\": ", category.synset, &writer)
        if !category.synonyms.isEmpty {
            try writer.raw(", \"synonyms\": ")
            try writer.list(category.synonyms) { $0.string($1) }
        }
        try text(", \"def\": ", category.definition, &writer)
        try writer.raw("}")
    }
}

extension AnnotationTable {
    /// Throws for NaN and infinity, which JSON does not have.
    fileprivate func checkFinite(_ row: Int, name: String) throws {
        guard areas[row].isFinite, boxes[row].isFinite, segmentations.isFinite(row) else {
            throw AnnotationFileError(
                file: name, object: "annotation \(ids[row])",
                reason: "a number that is not finite cannot be written")
        }
    }
}

extension SegmentationColumn {
    /// Whether all coordinates of a row are finite.
    func isFinite(_ row: Int) -> Bool {
        (0..<ringCount(row)).allSatisfy { coordinates[ring($0, ofRow: row)].allSatisfy(\.isFinite) }
    }
}

extension DetectionTable {
    /// Writes a result file, atomically.
    ///
    /// - Throws: ``AnnotationFileError`` if the file cannot be written or a number is not finite.
    public func write(to path: String) throws {
        var writer = try JSONWriter(path: path)
        try write(&writer, name: path)
        _ = try writer.finish()
    }

    /// The text of a result file, UTF-8.
    ///
    /// - Throws: ``AnnotationFileError`` if a number is not finite.
    public func json() throws -> [UInt8] {
        var writer = try JSONWriter(path: nil)
        try write(&writer, name: "JSON")
        return try writer.finish()
    }

    private func write(_ writer: inout JSONWriter, name: String) throws {
        try writer.list(0..<count) { writer, row in
            guard scores[row].isFinite, boxes[row].isFinite, segmentations.isFinite(row) else {
                throw AnnotationFileError(
                    file: name, object: "detection at index \(row) (image_id \(imageIDs[row]))",
                    reason: "a number that is not finite cannot be written")
            }
            try writer.raw("{\"image_id\": ")
            writer.integer(imageIDs[row])
            try writer.raw(", \"category_id\": ")
            writer.integer(categoryIDs[row])
            try writer.raw(", \"score\": ")
            writer.number(scores[row])
            if hasBox[row] {
                try writer.raw(", \"bbox\": ")
                try writer.box(boxes[row])
            }
            if segmentations.kind(row) != .none {
                try writer.raw(", \"segmentation\": ")
                try writer.segmentation(row, of: segmentations)
            }
            try writer.raw("}")
        }
        try writer.raw("\n")
    }
}
