/// Decodes values from settings. Errors name the line, the key, and the allowed values.
struct SettingsDecoder: Decoder {
    let node: SettingsNode
    let path: [String]
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    /// Decodes a value from settings.
    /// - Throws: ``ConfigurationError``.
    static func value<Value: Decodable>(_ type: Value.Type, _ node: SettingsNode, at path: [String] = [])
        throws -> Value
    {
        let decoder = SettingsDecoder(node: node, path: path)
        func cast(_ value: some Any) throws -> Value {
            guard let value = value as? Value else { throw decoder.error("has another type") }
            return value
        }
        switch type {
        case is String.Type: return try cast(decoder.text())
        case is Bool.Type: return try cast(decoder.flag())
        case is Double.Type: return try cast(decoder.number())
        case is Float.Type: return try cast(Float(decoder.number()))
        case let integer as any FixedWidthInteger.Type: return try cast(decoder.integer(integer))
        default: break
        }
        if let allowed = SettingsSchema.allowed(type) {
            guard case .scalar(let text, _) = node.content, allowed.contains(text) else {
                throw decoder.error(
                    "must be one of \(allowed.joined(separator: ", ")), not \(node.summary)")
            }
        }
        do {
            return try Value(from: decoder)
        } catch let error as DecodingError {
            throw decoder.error(error)
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .group(let entries) = node.content else {
            throw error("must be a group of settings, not \(node.summary)")
        }
        return KeyedDecodingContainer(Keyed<Key>(entries: entries, decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .list(let nodes) = node.content else {
            throw error("must be a list, such as [1, 2], not \(node.summary)")
        }
        return Elements(nodes: nodes, decoder: self)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    // MARK: Scalars

    private func text() throws -> String {
        guard case .scalar(let text, _) = node.content else {
            throw error("must be text, not \(node.summary)")
        }
        return text
    }

    private func flag() throws -> Bool {
        if case .scalar(let text, _) = node.content {
            if ["true", "yes", "on"].contains(text.lowercased()) { return true }
            if ["false", "no", "off"].contains(text.lowercased()) { return false }
        }
        throw error("must be true or false, not \(node.summary)")
    }

    private func number() throws -> Double {
        if case .scalar(let text, _) = node.content {
            let lowered = text.lowercased()
            if let special = [".inf": Double.infinity, "-.inf": -.infinity, ".nan": .nan][lowered] {
                return special
            }
            if let number = Double(text.filter { $0 != "_" }) { return number }
        }
        throw error("must be a number, not \(node.summary)")
    }

    private func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        if case .scalar(let text, _) = node.content {
            let digits = text.filter { $0 != "_" }
            if let number = Number(digits) { return number }
            for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(prefix) {
                if let number = Number(digits.dropFirst(2), radix: radix) { return number }
            }
            if let number = Double(digits), number == number.rounded() {
                if let exact = Number(exactly: number) { return exact }
                throw error("must be from \(Number.min) to \(Number.max), not \(text)")
            }
        }
        throw error("must be a whole number, not \(node.summary)")
    }

    // MARK: Errors

    fileprivate var key: String {
        path.reduce("") { $0.isEmpty || $1.hasPrefix("[") ? $0 + $1 : "\($0).\($1)" }
    }

    fileprivate func error(_ reason: String) -> ConfigurationError {
        ConfigurationError(line: node.line, key: key, reason: reason)
    }

    private func error(_ error: DecodingError) -> ConfigurationError {
        switch error {
        case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context):
            self.error(context.debugDescription)
        case .keyNotFound(let key, _): self.error("lacks the key '\(key.stringValue)'")
        @unknown default: self.error("cannot be read")
        }
    }
}

private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let entries: SettingsEntries
    let decoder: SettingsDecoder
    let codingPath: [any CodingKey] = []

    var allKeys: [Key] { entries.keys.compactMap { Key(stringValue: $0) } }
    func contains(_ key: Key) -> Bool { entries[key.stringValue] != nil }

    private func node(_ key: Key) throws -> SettingsNode {
        guard let node = entries[key.stringValue] else {
            throw decoder.error("lacks the key '\(key.stringValue)'")
        }
        return node
    }

    func decodeNil(forKey key: Key) throws -> Bool {
        if case .null = try node(key).content { true } else { false }
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try SettingsDecoder.value(type, node(key), at: decoder.path + [key.stringValue])
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    { try nested(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try nested(key).unkeyedContainer()
    }

    func superDecoder() -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }

    private func nested(_ key: Key) throws -> SettingsDecoder {
        SettingsDecoder(node: try node(key), path: decoder.path + [key.stringValue])
    }
}

private struct Elements: UnkeyedDecodingContainer {
    let nodes: [SettingsNode]
    let decoder: SettingsDecoder
    let codingPath: [any CodingKey] = []
    private(set) var currentIndex = 0

    init(nodes: [SettingsNode], decoder: SettingsDecoder) {
        self.nodes = nodes
        self.decoder = decoder
    }

    var count: Int? { nodes.count }
    var isAtEnd: Bool { currentIndex == nodes.count }

    private mutating func next() throws -> SettingsDecoder {
        guard !isAtEnd else { throw decoder.error("has only \(nodes.count) elements") }
        defer { currentIndex += 1 }
        return SettingsDecoder(node: nodes[currentIndex], path: decoder.path + ["[\(currentIndex)]"])
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, case .null = nodes[currentIndex].content else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let element = try next()
        return try SettingsDecoder.value(type, element.node, at: element.path)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
        -> KeyedDecodingContainer<Nested>
    { try next().container(keyedBy: type) }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next().unkeyedContainer()
    }
    mutating func superDecoder() throws -> any Decoder { try next() }
}

private struct Single: SingleValueDecodingContainer {
    let decoder: SettingsDecoder
    let codingPath: [any CodingKey] = []

    func decodeNil() -> Bool { if case .null = decoder.node.content { true } else { false } }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try SettingsDecoder.value(type, decoder.node, at: decoder.path)
    }
}
