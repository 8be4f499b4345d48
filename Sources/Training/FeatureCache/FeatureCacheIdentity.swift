import Foundation
import Support
import WeightFiles

/// What cached features depend on besides the pictures: caches of another identity are refused.
struct FeatureCacheIdentity: Sendable, Hashable, Codable {
    /// The form of the files; 1.
    var formatVersion = 1

    /// The identity of the CLIP whose features they are.
    var clip: String

    /// Everything that decides what pixels it saw: size, resizing, normalisation, variations and their seed, the number
    /// of views. Any text that is equal exactly when these are.
    var preprocessing: String

    /// The names of the features of each view, such as `C4`, `C5`.
    var levels: [String]

    /// The element type of the stored features.
    var dtype = DType.bfloat16

    /// How another identity differs, in words; nil when it does not.
    func difference(from other: FeatureCacheIdentity) -> String? {
        func differ<Value: Equatable>(_ name: String, _ value: KeyPath<Self, Value>) -> String? {
            self[keyPath: value] == other[keyPath: value]
                ? nil : "\(name) is \(self[keyPath: value]), needed is \(other[keyPath: value])"
        }
        let differences = [
            differ("the form", \.formatVersion), differ("CLIP", \.clip),
            preprocessing == other.preprocessing
                ? nil : Self.preprocessingDifference(preprocessing, other.preprocessing),
            differ("levels", \.levels), differ("element type", \.dtype),
        ].compactMap { $0 }
        return differences.isEmpty ? nil : differences.joined(separator: "; ")
    }

    /// The settings of two texts that differ; both texts whole where they are not JSON objects.
    private static func preprocessingDifference(_ first: String, _ second: String) -> String {
        let differences = SettingDifference.all(in: first, and: second)
        guard !differences.isEmpty else { return "preprocessing is \(first), needed is \(second)" }
        return differences.map {
            "\($0.key) is \($0.before ?? "not set"), needed is \($0.now ?? "not set")"
        }.joined(separator: "; ")
    }
}

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
