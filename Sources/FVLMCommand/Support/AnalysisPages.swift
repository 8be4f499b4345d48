import Analysis
import COCO
import Foundation
import Support

/// The page of an analysis in a new folder.
package enum AnalysisPages {
    /// Writes the page; the folder gets its name when all of it is there.
    ///
    /// - Parameter images: The folder of the pictures, which the page shows where they are; nil for none.
    package static func write(
        _ report: AnalysisReport, title: String, imagesIn images: String?, into folder: consuming NewFolder
    ) throws {
        let pictures = images.map { PictureFolder(path: $0) }
        let base = Path.absolute(folder.path)
        var files: [(String, String)] = []
        try report.writePages(
            title: title,
            address: { image in
                pictures?.location(of: image).map { RelativeAddress.text(from: base, to: Path.absolute($0)) }
            }
        ) { files.append(($0, $1)) }
        for (name, text) in files { try folder.write(text, to: name) }
        try folder.finish()
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
        return parts.map { part in
            part.addingPercentEncoding(
                withAllowedCharacters: .urlPathAllowed.subtracting(["/", ";", "?", "#"]))
                ?? part
        }.joined(separator: "/")
    }
}
