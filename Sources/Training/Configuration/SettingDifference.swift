import FVLM
import Support

/// A setting whose value differs between two configurations.
struct SettingDifference: Hashable {
    /// Its key, such as `optimizer.learningRate`.
    let key: String
    /// The previous value; nil if it was not set.
    let before: String?
    /// The current value; nil if it is not set.
    let now: String?

    /// `key was before, now it is now`.
    var text: String { "\(key) was \(before ?? "not set"), now it is \(now ?? "not set")" }

    /// The differences, by key.
    /// - Throws: `EncodingError`.
    static func all(from before: some Encodable, to now: some Encodable) throws -> [SettingDifference] {
        try all(in: JSONText.line(before), and: JSONText.line(now))
    }

    /// The differences between two JSON objects, by key.
    static func all(in before: String, and now: String) -> [SettingDifference] {
        let (old, new) = (leaves(of: before), leaves(of: now))
        return Set(old.keys).union(new.keys).sorted().filter { old[$0] != new[$0] }.map {
            SettingDifference(key: $0, before: old[$0], now: new[$0])
        }
    }

    /// The leaves of a JSON object by key; a list counts as one leaf.
    private static func leaves(of json: String) -> [String: String] {
        var result: [String: String] = [:]
        func collect(_ value: JSONValue, _ path: String) {
            switch value {
            case .object(let object):
                for (key, value) in object { collect(value, path.isEmpty ? key : "\(path).\(key)") }
            case .null: break
            default: result[path] = text(value)
            }
        }
        let value = try? Array(json.utf8).withUnsafeBytes { try JSONValue(parsing: $0) }
        if case .object? = value, let value { collect(value, "") }
        return result
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .real(let value): NumberText.shortest(value)
        case .string(let value): value
        case .array(let values): "[\(values.map(text).joined(separator: ", "))]"
        case .object(let values):
            "{\(values.sorted { $0.key < $1.key }.map { "\($0.key): \(text($0.value))" }.joined(separator: ", "))}"
        }
    }
}

extension TrainingConfiguration {
    /// Settings that may change when a training is resumed: paths, reporting intervals, length and learning rate. All
    /// others affect the meaning of the weights or the choice of examples.
    private static let resumable: Set<String> = [
        "preset", "detector.clip", "data.annotations", "data.images", "data.validationAnnotations",
        "data.validationImages", "data.workers", "data.cache", "data.faults", "data.faultLimit",
        "texts.vocabulary", "optimizer.learningRate", "optimizer.momentum", "optimizer.weightDecay",
        "optimizer.clipNorm", "optimizer.warmupSteps", "optimizer.warmupFactor", "optimizer.schedule",
        "optimizer.minimumRatio", "optimizer.milestones", "optimizer.decayFactor", "run.steps",
        "run.reportInterval", "run.evaluationInterval", "run.checkpointInterval", "run.checkpointMinutes",
        "run.keepsLast", "run.initialWeights", "run.isDeterministic", "run.allowsTensorFloat32",
        "run.tunesConvolutions", "run.processLimit",
    ]

    /// Compares with the configuration of the run to resume.
    /// - Parameter text: Its YAML text.
    /// - Returns: A note for each changed setting that may change.
    /// - Throws: ``TrainingError`` naming the settings that must not change.
    func changes(since text: String, in folder: String) throws -> [String] {
        let before: TrainingConfiguration
        do { before = try TrainingConfiguration(yaml: text) } catch {
            return ["the configuration of its checkpoint cannot be read and is not compared: \(error)"]
        }
        // A run may go on anywhere.
        let differences = try SettingDifference.all(from: before, to: self).filter {
            $0.key != "run.device"
        }
        func isResumable(_ difference: SettingDifference) -> Bool {
            Self.resumable.contains(difference.key) || difference.key.hasPrefix("detector.scoring.")
        }
        let refused = differences.filter { !isResumable($0) }
        guard refused.isEmpty else {
            throw TrainingError(
                folder,
                "cannot be resumed with other settings: \(refused.map(\.text).joined(separator: "; ")). "
                    + "Restore them, or start another run with its weights (run.initialWeights)")
        }
        return differences.map(\.text)
    }

    /// A note if none of the preset's settings remain, as in a file printed by `fvlm train --defaults`.
    func presetNote() throws -> String? {
        let defaults = DetectorConfiguration()
        let wanted = try SettingDifference.all(from: defaults, to: DetectorConfiguration(preset: preset))
        let lost = try Set(
            SettingDifference.all(from: detector, to: DetectorConfiguration(preset: preset)).map(\.key))
        let changed = try Set(SettingDifference.all(from: defaults, to: detector).map(\.key))
        guard !wanted.isEmpty, wanted.allSatisfy({ lost.contains($0.key) && !changed.contains($0.key) })
        else {
            return nil
        }
        let settings = wanted.map {
            "detector.\($0.key) \($0.before ?? "not set") for \($0.now ?? "not set")"
        }
        return
            "preset \(preset) has no effect, since the file sets everything that it would: "
            + settings.joined(separator: ", ") + ". Remove these settings from the file to use the preset"
    }
}
