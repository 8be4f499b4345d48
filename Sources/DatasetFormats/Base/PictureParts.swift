import COCO
import Support

/// Work on the pictures of a data set in parts.
enum PictureParts {
    /// Calls `make` for some hundred pictures at a time on several threads, and meanwhile `use` on this one with what it returned, in
    /// the order of the pictures; a few parts are held.
    ///
    /// - Throws: The error of the first pictures that failed.
    static func forEach<Part: Sendable>(
        of count: Int, _ make: @Sendable (Range<Int>) throws -> Part, use: (Range<Int>, Part) throws -> Void
    ) throws {
        let threads = Parallel.threadCount(0)
        let size = 256
        try Parallel.pipeline(batch: 1) { hand in
            for start in stride(from: 0, to: count, by: threads * size) {
                let ranges = stride(from: start, to: min(count, start + threads * size), by: size).map {
                    $0..<min(count, $0 + size)
                }
                var parts = [Part?](repeating: nil, count: ranges.count)
                try Parallel.fill(&parts, threads: threads, grain: 1, state: {}) { try make(ranges[$1]) }
                for (range, part) in zip(ranges, parts) {
                    if let part { try hand((range, part)) }
                }
            }
        } use: {
            try use($0.0, $0.1)
        }
    }
}

/// A file that a format makes for a picture: its path in the folder of the data set, and its contents.
struct PictureFile {
    let name: String
    let bytes: [UInt8]
}

extension NewFolder {
    /// Writes the files that `make` returns for some hundred pictures at a time, which several threads do; their folder is locked
    /// while a file is made, so that one thread writes them.
    ///
    /// - Parameter report: gets what `make` returns as lost.
    func write(
        pictures count: Int, _ report: inout ConversionReport,
        _ make: @Sendable (Range<Int>) throws -> (files: [PictureFile], lost: ConversionReport)
    ) throws {
        try PictureParts.forEach(of: count, make) { _, part in
            for file in part.files { try write(file.bytes, to: file.name) }
            report.add(part.lost)
        }
    }
}
