import Foundation
import Support
import WeightFiles

/// What cached features depend on besides the pictures: caches with a different identity are rejected.
struct FeatureCacheIdentity: Sendable, Hashable, Codable {
    /// The version of the files' format; 1.
    var formatVersion = 1

    /// The identity of the CLIP that computed the features.
    var clip: String

    /// Everything that determines its input pixels: size, resizing, normalization, variations and their seed, the
    /// number of views. Any text that is equal exactly when these are.
    var preprocessing: String

    /// The names of the features of each view, such as `C4`, `C5`.
    var levels: [String]

    /// The element type of the stored features.
    var dtype = DType.bfloat16

    /// A description of the differences from another identity; nil if there are none.
    func difference(from other: FeatureCacheIdentity) -> String? {
        func differ<Value: Equatable>(_ name: String, _ value: KeyPath<Self, Value>) -> String? {
            self[keyPath: value] == other[keyPath: value]
                ? nil : "\(name) is \(self[keyPath: value]), expected \(other[keyPath: value])"
        }
        let differences = [
            differ("the form", \.formatVersion), differ("CLIP", \.clip),
            preprocessing == other.preprocessing
                ? nil : Self.preprocessingDifference(preprocessing, other.preprocessing),
            differ("levels", \.levels), differ("element type", \.dtype),
        ].compactMap { $0 }
        return differences.isEmpty ? nil : differences.joined(separator: "; ")
    }

    /// The settings that differ between two texts; both whole texts if they are not JSON objects.
    private static func preprocessingDifference(_ first: String, _ second: String) -> String {
        let differences = SettingDifference.all(in: first, and: second)
        guard !differences.isEmpty else { return "preprocessing is \(first), expected \(second)" }
        return differences.map {
            "\($0.key) is \($0.before ?? "not set"), expected \($0.now ?? "not set")"
        }.joined(separator: "; ")
    }
}

/// One view of one picture in a feature cache.
struct FeatureKey: Sendable, Hashable, CustomStringConvertible {
    /// The SHA-256 of the picture's file, 64 hexadecimal digits: a changed picture has a different key.
    let content: String

    /// The picture's row in its data set, which determines the random numbers of its variations.
    let row: Int

    /// The variation, from 0.
    let view: Int

    /// Creates the key of a view of the picture with this hash.
    init(content: String, row: Int = 0, view: Int = 0) {
        self.content = content
        self.row = row
        self.view = view
    }

    /// Creates the key of a view of the picture in a file.
    /// - Throws: ``TrainingError`` if the file cannot be read.
    init(path: String, row: Int = 0, view: Int = 0) throws {
        let file: FileBytes
        do { file = try FileBytes(contentsOf: path, access: .read) } catch { throw TrainingError(error) }
        let hash = withExtendedLifetime(file) { SHA256.hash(file.bytes) }
        self.init(content: hash.hexadecimal, row: row, view: view)
    }

    /// `content/row/view`.
    var description: String { "\(content)/\(row)/\(view)" }
}
