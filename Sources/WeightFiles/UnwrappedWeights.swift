/// The weights of one network in a checkpoint, under the network's own names.
///
/// Training frameworks store weights below keys such as `state_dict` or `model`, and wrap modules in others whose names
/// become part of the weights' names (`module.`, `_orig_mod.`). A checkpoint may contain several sets, such as the
/// trained weights and their moving average. One rule covers all code that loads weights:
///
/// * `_orig_mod`, `_fsdp_wrapped_module` and `_checkpoint_wrapped_module` are ignored at any position in a name.
/// * The part before a parameter name of the network is the name of a set.
/// * Among several sets, the trained weights are used: the set whose name consists only of `state_dict`, `model`,
///   `module`, `network` and `net`. ``note`` then lists the unused sets. If none or more than one qualifies, an error
///   is thrown.
public struct UnwrappedWeights: WeightSource {
    /// The origin of the tensors.
    public var origin: String { source.origin }

    /// The names without the frameworks' additions, in the order of the source.
    public let keys: [String]

    /// The prefix of the names, such as `state_dict.module.`; empty if there is none.
    public let prefix: String

    /// The choice, if there was one: which set is used, and which are not.
    public let note: String?

    private let source: any WeightSource
    private let originals: [String: String]

    private static let transparent: Set<String> = [
        "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
    ]
    private static let plain: Set<String> = ["state_dict", "model", "module", "network", "net"]

    /// Finds the weights of the network that has one of these names.
    ///
    /// - Parameters:
    ///   - source: The checkpoint.
    ///   - signs: Parameter names that identify the network, such as `token_embedding.weight`; a sign that ends with a
    ///     dot is a prefix: `roi_heads.`.
    /// - Returns: Nil if the checkpoint contains no name of the network.
    /// - Throws: ``WeightFileError`` that names the sets if there are several and none is the trained one, or if two
    ///   weights would have the same name.
    public init?(_ source: any WeightSource, knownBy signs: [String]) throws {
        let parts = signs.map { $0.split(separator: ".") }
        var prefixes: [[Substring]] = []
        let names = source.keys.map { key in
            key.split(separator: ".").filter { !Self.transparent.contains(String($0)) }
        }
        for name in names {
            for (sign, text) in zip(parts, signs) {
                guard let start = Self.start(of: sign, in: name, isBeginning: text.hasSuffix(".")) else {
                    continue
                }
                let prefix = Array(name[..<start])
                if !prefixes.contains(prefix) { prefixes.append(prefix) }
            }
        }
        // A network may contain another of its kind: `model` and `model.backbone.model` are not two sets.
        prefixes = prefixes.filter { prefix in
            !prefixes.contains { $0.count < prefix.count && prefix.starts(with: $0) && !$0.isEmpty }
        }
        guard let first = prefixes.first else { return nil }
        var chosen = first
        var note: String?
        if prefixes.count > 1 {
            let trained = prefixes.filter { $0.allSatisfy { Self.plain.contains(String($0)) } }
            let listed = prefixes.map { $0.isEmpty ? "(no prefix)" : $0.joined(separator: ".") }
            guard trained.count == 1 else {
                throw WeightFileError(
                    file: source.origin,
                    reason: "contains \(prefixes.count) sets of weights: \(listed.joined(separator: ", ")); "
                        + "save the intended set in its own file")
            }
            chosen = trained[0]
            let others = zip(prefixes, listed).filter { $0.0 != chosen }.map(\.1)
            note =
                "\(source.origin): the weights of '\(chosen.joined(separator: "."))' are used, not those of "
                + others.map { "'\($0)'" }.joined(separator: ", ")
        }
        var keys: [String] = []
        var originals: [String: String] = [:]
        for (name, key) in zip(names, source.keys)
        where name.starts(with: chosen) && name.count > chosen.count {
            let short = name.dropFirst(chosen.count).joined(separator: ".")
            guard originals.updateValue(key, forKey: short) == nil else {
                throw WeightFileError(
                    file: source.origin, place: "'\(key)'", reason: "is one of two weights named '\(short)'")
            }
            keys.append(short)
        }
        self.source = source
        self.keys = keys
        self.note = note
        self.originals = originals
        prefix = chosen.map { $0 + "." }.joined()
    }

    /// The position of a sign's components in a name: at its end or, for a prefix, anywhere.
    private static func start(of sign: [Substring], in name: [Substring], isBeginning: Bool) -> Int? {
        guard name.count >= sign.count else { return nil }
        let last = name.count - sign.count
        return isBeginning
            ? (0...last).first { name[$0...].starts(with: sign) }
            : name[last...].elementsEqual(sign) ? last : nil
    }

    /// The tensor called `name`, under that name.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let original = originals[name] else { throw missing(name) }
        var tensor = try source.tensor(named: original)
        tensor.name = name
        return tensor
    }
}
