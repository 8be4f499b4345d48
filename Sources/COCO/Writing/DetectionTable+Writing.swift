extension DetectionTable {
    /// Writes a result file, atomically.
    ///
    /// - Throws: ``AnnotationFileError`` when the file cannot be written or a number is not finite.
    public func write(to path: String) throws {
        var writer = try JSONWriter(path: path)
        try write(&writer, name: path)
        _ = try writer.finish()
    }

    /// The text of a result file, UTF-8.
    ///
    /// - Throws: ``AnnotationFileError`` when a number is not finite.
    public func json() throws -> [UInt8] {
        var writer = try JSONWriter(path: nil)
        try write(&writer, name: "JSON")
        return try writer.finish()
    }

    private func write(_ writer: inout JSONWriter, name: String) throws {
        try writer.list(0..<count) { writer, row in
            guard scores[row].isFinite, boxes[row].isFinite, segmentations.isFinite(row) else {
                throw AnnotationFileError(
                    file: name, subject: "detection at index \(row) (image_id \(imageIDs[row]))",
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
