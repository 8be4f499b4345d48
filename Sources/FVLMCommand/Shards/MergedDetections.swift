import Support

/// Joins the JSON lines of shards: as they are, or as one COCO results file.
struct MergedDetections {
    private let shards: FinishedShards

    /// The number of pictures and of objects.
    private(set) var pictures = 0
    private(set) var objects = 0

    /// The names of all pictures, in order.
    private var files: [String] = []

    init(_ shards: FinishedShards) { self.shards = shards }

    /// A line of a results file: places of values in its text.
    private struct Line {
        var file = ""
        var detections: [Detection] = []

        /// The texts of a detection's values, as they are in the line.
        struct Detection {
            var box = ""
            var score = ""
            var label = ""
            var segmentation: String?
        }

        init(_ text: UnsafeRawBufferPointer) throws {
            var reader = JSONReader(text)
            var hasFile = false
            func value(_ reader: inout JSONReader) throws -> String {
                _ = reader.peek()
                let start = reader.position
                try reader.skip()
                return String(decoding: text[start..<reader.position], as: UTF8.self)
            }
            try reader.object { reader, key in
                switch key {
                case "file":
                    file = try reader.string()
                    hasFile = true
                case "detections":
                    try reader.array { reader in
                        var found = Detection()
                        try reader.object { reader, key in
                            switch key {
                            case "box": found.box = try value(&reader)
                            case "score": found.score = try value(&reader)
                            case "label": found.label = try reader.string()
                            case "segmentation": found.segmentation = try value(&reader)
                            default: try reader.skip()
                            }
                        }
                        detections.append(found)
                    }
                default: try reader.skip()
                }
            }
            try reader.expectEnd()
            guard hasFile else { throw reader.failure("there is no file") }
        }
    }

    /// Calls `body` with the lines of all shards, in order.
    private func lines(
        _ body: (ShardRecord, Line, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        for record in shards.records {
            let path = shards.results(record)
            let file = try FileBytes(contentsOf: path)
            try withExtendedLifetime(file) {
                var (start, number) = (0, 0)
                while start < file.count {
                    number += 1
                    let stop = file.bytes[start...].firstIndex(of: 0x0A) ?? file.count
                    let text = UnsafeRawBufferPointer(rebasing: file.bytes[start..<stop])
                    let line: Line
                    do { line = try Line(text) } catch let error as JSONReader.Failure {
                        throw FileFailure(
                            path, reason: "line \(number) is not a picture's results: \(error.reason)")
                    }
                    try body(record, line, text)
                    start = stop + 1
                }
                guard number == record.count else {
                    throw FileFailure(
                        path, reason: "has \(number) pictures, and its record says \(record.count)",
                        advice: "delete the record and run the work again: it makes this shard anew")
                }
            }
        }
    }

    /// Reads everything once: counts, and refuses a picture that is there twice.
    mutating func check() throws {
        var owners: [String: ShardRecord] = [:]
        var (objects, files) = (0, [String]())
        try lines { record, line, _ in
            if let other = owners.updateValue(record, forKey: line.file) {
                try FinishedShards.refuse(line.file, record, and: other, in: shards.folder)
            }
            files.append(line.file)
            objects += line.detections.count
        }
        (self.objects, self.files, pictures) = (objects, files, files.count)
    }

    /// Passes on the lines as they are.
    func writeLines(_ write: (UnsafeRawBufferPointer) throws -> Void) throws {
        let end: [UInt8] = [0x0A]
        try lines { _, _, text in
            try write(text)
            try end.withUnsafeBytes(write)
        }
    }

    /// Passes on a COCO results file, as one process would have written it: ids of pictures are the numbers in their names, or
    /// the next free ones.
    func writeCOCO(_ write: (UnsafeRawBufferPointer) throws -> Void) throws {
        let categories = shards.records[0].categories ?? []
        let ids = Dictionary(categories.map { ($0.name, $0.id) }) { first, _ in first }
        func put(_ text: String) throws { try Array(text.utf8).withUnsafeBytes(write) }
        var numbers = PictureIDs(files: files)
        var isFirst = true
        try put("[")
        try lines { record, line, _ in
            let id = numbers.id(of: line.file)
            for found in line.detections {
                guard let category = ids[found.label] else {
                    throw FileFailure(
                        shards.results(record),
                        reason: "\(line.file): the class '\(found.label)' is not in the shard's record")
                }
                var entry = JSONObject()
                entry.add("bbox", text: found.box)
                entry.add("category_id", text: "\(category)")
                entry.add("category_name", found.label)
                entry.add("file_name", line.file)
                entry.add("image_id", id)
                entry.add("score", text: found.score)
                if let mask = found.segmentation { entry.add("segmentation", text: mask) }
                try put((isFirst ? "\n" : ",\n") + entry.text)
                isFirst = false
            }
        }
        try put("\n]\n")
    }
}
