import Analysis
import COCO
import Foundation
import Support

/// The page of an analysis in a new folder.
package struct AnalysisPages {
    /// The title of the page.
    package var title: String

    /// The folder of the pictures, which the page shows where they are; nil for none.
    package var images: String?

    /// Makes the small copies of pictures that the page lists; nil: it lists the pictures themselves.
    package var thumbnails: (side: Int, maker: PictureThumbnails.Maker)?

    /// The longer side of small copies unless the user says otherwise, in pixels.
    package static let thumbnailSide = 320

    /// A page; see the properties.
    package init(title: String, images: String?, thumbnails: (side: Int, maker: PictureThumbnails.Maker)?) {
        self.title = title
        self.images = images
        self.thumbnails = thumbnails
    }

    /// Writes the page; the folder gets its name when all of it is there.
    package func write(_ report: AnalysisReport, into folder: consuming NewFolder) throws {
        let pictures = images.map { PictureFolder(path: $0) }
        let base = Path.absolute(folder.path)
        let copies = try writeThumbnails(of: report, pictures, into: folder)
        var files: [(String, String)] = []
        let faults = try report.writePages(
            title: title,
            address: { image in
                pictures?.location(of: image).map { RelativeAddress.text(from: base, to: Path.absolute($0)) }
            },
            thumbnail: { copies[$0.id] }
        ) { files.append(($0, $1)) }
        if let first = faults.first {
            StandardError.note(
                "\(faults.count) masks cannot be decoded, and their boxes are shown (the first: \(first))")
        }
        for (name, text) in files { try folder.write(text, to: name) }
        try folder.finish()
    }

    /// Writes the small copies and gives their names by the ids of their images. A picture that cannot be read has none.
    private func writeThumbnails(
        of report: AnalysisReport, _ pictures: PictureFolder?, into folder: borrowing NewFolder
    ) throws -> [Int64: String] {
        guard let pictures, let thumbnails else { return [:] }
        let images = report.pictures.map { report.image(of: $0) }
        var names: [Int64: String] = [:]
        var faults: [any Error] = []
        let bar = ProgressBar("thumbnails")
        // Made side by side, written one after another.
        let part = 64
        for start in stride(from: 0, to: images.count, by: part) {
            let range = start..<min(start + part, images.count)
            var made = [Result<[UInt8], any Error>?](repeating: nil, count: range.count)
            try made.withUnsafeMutableBufferPointer { made in
                guard let made = made.baseAddress.map(Parallel.Shared.init) else { return }
                try Parallel.forEach(
                    count: range.count, threads: Parallel.threadCount(report.options.threadCount), grain: 1,
                    state: {}
                ) { _, index in
                    guard let path = pictures.location(of: images[start + index]) else { return }
                    made.base[index] = Result { try thumbnails.maker(path, thumbnails.side) }
                }
            }
            for (index, result) in made.enumerated() {
                switch result {
                case .success(let bytes)?:
                    let name = "thumbnails/\(start + index).jpg"
                    try folder.write(bytes, to: name)
                    names[images[start + index].id] = name
                case .failure(let error)?: faults.append(error)
                case nil: break
                }
            }
            bar.update(range.upperBound, of: images.count)
        }
        bar.finish()
        if let first = faults.first {
            StandardError.note(
                "\(faults.count) of \(images.count) pictures cannot be read and are not shown: \(first)")
        }
        return names
    }
}

/// Addresses of files beside each other, for pages.
enum RelativeAddress {
    /// The address of a file as seen from a folder; both absolute.
    static func text(from folder: String, to file: String) -> String {
        let from = folder.split(separator: "/")
        let to = file.split(separator: "/")
        var shared = 0
        while shared < from.count, shared < to.count - 1, from[shared] == to[shared] { shared += 1 }
        let parts = Array(repeating: "..", count: from.count - shared) + to[shared...].map(String.init)
        return parts.map { $0.percentEncodedPath(keeping: "!$&'()*+,=:@") }.joined(separator: "/")
    }
}
