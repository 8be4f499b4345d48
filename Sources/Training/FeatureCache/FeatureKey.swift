import Support
import Foundation

/// One view of one picture in a feature cache.
struct FeatureKey: Sendable, Hashable, CustomStringConvertible {
    /// The SHA-256 of the picture's file, 64 hexadecimal digits: a picture that was changed is another one.
    let content: String

    /// The picture's place in its data set, which chance in its variations follows from.
    let row: Int

    /// The variation, from 0.
    let view: Int

    /// A view of the picture with this hash.
    init(content: String, row: Int = 0, view: Int = 0) {
        self.content = content
        self.row = row
        self.view = view
    }

    /// A view of the picture in a file.
    /// - Throws: ``TrainingError`` when the file cannot be read.
    init(path: String, row: Int = 0, view: Int = 0) throws {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            let isThere = FileManager.default.fileExists(atPath: path)
            throw TrainingError(
                path, "cannot be read: \(isThere ? error.oneLine : "there is no such file")")
        }
        self.init(content: SHA256.hash(data).hexadecimal, row: row, view: view)
    }

    /// `content/row/view`.
    var description: String { "\(content)/\(row)/\(view)" }
}
