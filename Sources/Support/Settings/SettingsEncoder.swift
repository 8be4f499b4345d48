/// The properties of settings that their types determine, by key path.
final class SettingsSchema {
    struct Entry {
        /// The type that declares the setting, as it is named within its module.
        let owner: String
        /// The type of the value, without `Optional`.
        let type: any Any.Type
        let isOptional: Bool
        let path: PathSetting?
        /// Former spellings of `null`.
        let formerNulls: Set<String>

        /// The names of a closed choice.
        var allowed: [String]? { SettingsSchema.allowed(type) }
    }

    private(set) var entries: [String: Entry] = [:]

    func add(_ path: [String], owner: any Any.Type, type: any Any.Type, isOptional: Bool) {
        let key = path.last ?? ""
        let description = owner as? any SettingsDescription.Type
        entries[path.joined(separator: ".")] = Entry(
            owner: Self.name(owner), type: type, isOptional: isOptional,
            path: description?.pathSettings[key], formerNulls: description?.formerNulls[key] ?? [])
    }

    /// The raw values of a string enumeration.
    static func allowed(_ type: any Any.Type) -> [String]? {
        guard let choices = type as? any CaseIterable.Type else { return nil }
        return rawValues(choices)
    }

    private static func rawValues<Choice: CaseIterable>(_ type: Choice.Type) -> [String]? {
        let values = type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
        return values.isEmpty ? nil : values
    }

    /// A type's name without its module.
    private static func name(_ type: any Any.Type) -> String {
        String(reflecting: type).split(separator: ".").dropFirst().joined(separator: ".")
    }
}

/// Encodes values as settings. Unlike other encoders it writes `null` for nil, so that every key is known.
final class SettingsEncoder: Encoder {
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    fileprivate let path: [String]
    fileprivate let owner: any Any.Type
    fileprivate let schema: SettingsSchema
    fileprivate var content: SettingsNode.Content?

    private init(path: [String], owner: any Any.Type, schema: SettingsSchema) {
        self.path = path
        self.owner = owner
        self.schema = schema
    }

    /// The settings of a value; their properties are added to `schema`.
    static func node<Value: Encodable>(
        _ value: Value, at path: [String] = [], schema: SettingsSchema = SettingsSchema()
    ) throws -> SettingsNode {
        switch value {
        case let text as String: return SettingsNode(.scalar(text, isPlain: false))
        case let flag as Bool: return SettingsNode(.scalar(flag ? "true" : "false", isPlain: true))
        case let number as Double: return SettingsNode(.scalar(SettingsText.number(number), isPlain: true))
        case let number as Float:
            return SettingsNode(.scalar(SettingsText.number(Double("\(number)") ?? 0), isPlain: true))
        case let number as any BinaryInteger: return SettingsNode(.scalar("\(number)", isPlain: true))
        default:
            let encoder = SettingsEncoder(path: path, owner: Value.self, schema: schema)
            try value.encode(to: encoder)
            return SettingsNode(encoder.content ?? .group(SettingsEntries()))
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if content == nil { content = .group(SettingsEntries()) }
        return KeyedEncodingContainer(Keyed(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if content == nil { content = .list([]) }
        return Elements(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    fileprivate func set(_ key: String, _ node: SettingsNode) {
        guard case .group(var entries) = content else { return }
        entries[key] = node
        content = .group(entries)
    }
}

private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: SettingsEncoder
    let codingPath: [any CodingKey] = []

    private func add<Value: Encodable>(_ value: Value?, _ key: Key, isOptional: Bool) throws {
        let path = encoder.path + [key.stringValue]
        encoder.schema.add(path, owner: encoder.owner, type: Value.self, isOptional: isOptional)
        encoder.set(
            key.stringValue,
            try value.map { try SettingsEncoder.node($0, at: path, schema: encoder.schema) }
                ?? SettingsNode(.null))
    }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try add(value, key, isOptional: false)
    }
    func encodeNil(forKey key: Key) { encoder.set(key.stringValue, SettingsNode(.null)) }

    // The default implementation of each of these methods omits nil.
    func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws {
        try optional(value, key)
    }
    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: String?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try optional(value, key) }

    private func optional<Value: Encodable>(_ value: Value?, _ key: Key) throws {
        try add(value, key, isOptional: true)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
        -> KeyedEncodingContainer<Nested>
    { superEncoder(forKey: key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        superEncoder(forKey: key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { encoder }
    func superEncoder(forKey key: Key) -> any Encoder { encoder }
}

private struct Elements: UnkeyedEncodingContainer {
    let encoder: SettingsEncoder
    let codingPath: [any CodingKey] = []
    var count: Int { if case .list(let nodes) = encoder.content { nodes.count } else { 0 } }

    private func append(_ node: SettingsNode) {
        guard case .list(let nodes) = encoder.content else { return }
        encoder.content = .list(nodes + [node])
    }

    func encode<Value: Encodable>(_ value: Value) throws {
        append(try SettingsEncoder.node(value, at: encoder.path + ["[\(count)]"]))
    }
    func encodeNil() { append(SettingsNode(.null)) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        encoder.container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { self }
    func superEncoder() -> any Encoder { encoder }
}

private struct Single: SingleValueEncodingContainer {
    let encoder: SettingsEncoder
    let codingPath: [any CodingKey] = []

    func encode<Value: Encodable>(_ value: Value) throws {
        encoder.content =
            try SettingsEncoder.node(value, at: encoder.path, schema: encoder.schema).content
    }
    func encodeNil() { encoder.content = .null }
}
