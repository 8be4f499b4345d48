import Foundation
import WeightFiles

/// What cached features depend on besides the pictures: caches of another identity are refused.
public struct FeatureCacheIdentity: Sendable, Hashable, Codable {
    /// The form of the files; 1.
    public var formatVersion = 1

    /// The identity of the CLIP whose features they are.
    public var clip: String

    /// Everything that decides what pixels it saw: size, resizing, normalisation, variations and their seed, the number
    /// of views. Any text that is equal exactly when these are.
    public var preprocessing: String

    /// The names of the features of each view, such as `C4`, `C5`.
    public var levels: [String]

    /// The element type of the stored features.
    public var dtype: DType

    /// An identity of its parts.
    public init(clip: String, preprocessing: String, levels: [String], dtype: DType = .bfloat16) {
        self.clip = clip
        self.preprocessing = preprocessing
        self.levels = levels
        self.dtype = dtype
    }

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
        let (own, needed) = (settings(in: first), settings(in: second))
        guard !own.isEmpty, !needed.isEmpty else {
            return "preprocessing is \(first), needed is \(second)"
        }
        return Set(own.keys).union(needed.keys).sorted().filter { own[$0] != needed[$0] }.map { key in
            "\(key) is \(own[key] ?? "not set"), needed is \(needed[key] ?? "not set")"
        }.joined(separator: "; ")
    }

    /// The leaves of a JSON object by their paths, such as `augmentation.flipProbability`.
    private static func settings(in text: String) -> [String: String] {
        var result: [String: String] = [:]
        func collect(_ value: Any, _ path: String) {
            switch value {
            case let object as [String: Any]:
                for (key, value) in object { collect(value, path.isEmpty ? key : "\(path).\(key)") }
            case let list as [Any]:
                for (place, value) in list.enumerated() { collect(value, "\(path)[\(place)]") }
            default: result[path] = "\(value)"
            }
        }
        if let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] {
            collect(object, "")
        }
        return result
    }
}
