import Support

/// A value of JSON as files of annotations have it: most of their text is lists of numbers and of points, which are each kept
/// as one list, and objects of a few members, which are kept in their order.
enum FormatValue: Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case string(String)
    case array([FormatValue])
    case object(FormatObject)

    /// A list of finite numbers.
    case numbers([Double])

    /// A list of `[x, y]`, one after another.
    case points([Double])

    /// Reads a value, at most 100 levels deep.
    ///
    /// - Throws: `JSONReader.Failure`.
    init(from reader: inout JSONReader) throws { try self.init(from: &reader, depth: 0) }

    /// Parses a whole text.
    ///
    /// - Throws: `JSONReader.Failure`.
    init(parsing bytes: UnsafeRawBufferPointer) throws {
        var reader = JSONReader(bytes)
        try self.init(from: &reader)
        try reader.expectEnd()
    }

    private init(from reader: inout JSONReader, depth: Int) throws {
        guard depth < 100 else { throw reader.failure("nested deeper than 100 levels") }
        switch reader.peek() {
        case UInt8(ascii: "{"):
            var object = FormatObject()
            try reader.object { reader, key in
                object.append(key, try FormatValue(from: &reader, depth: depth + 1))
            }
            self = .object(object)
        case UInt8(ascii: "["): self = try Self.list(&reader, depth)
        case UInt8(ascii: "\""): self = .string(try reader.string())
        case UInt8(ascii: "t"):
            try reader.word("true")
            self = .boolean(true)
        case UInt8(ascii: "f"):
            try reader.word("false")
            self = .boolean(false)
        case UInt8(ascii: "n"):
            try reader.word("null")
            self = .null
        case UInt8(ascii: "N"):
            try reader.word("NaN")
            self = .real(.nan)
        case UInt8(ascii: "I"):
            try reader.word("Infinity")
            self = .real(.infinity)
        default:
            switch try reader.number() {
            case .integer(let value): self = .integer(value)
            case .real(let value): self = .real(value)
            default: throw reader.failure("number expected")
            }
        }
    }

    /// A list: of points or of numbers where it is one, which is seen on the way.
    private static func list(_ reader: inout JSONReader, _ depth: Int) throws -> FormatValue {
        if let values = reader.plainDoubles() { return .numbers(values) }
        if let values = reader.plainPoints() { return .points(values) }
        var values: [FormatValue] = []
        try reader.array { values.append(try FormatValue(from: &$0, depth: depth + 1)) }
        return .array(values)
    }

    // MARK: What it holds

    /// A member of an object; nil when there is none or it is null.
    func member(_ key: String) -> FormatValue? {
        guard case .object(let values) = self, let value = values[key], !value.isNull else { return nil }
        return value
    }

    var isNull: Bool { if case .null = self { true } else { false } }

    var isBoolean: Bool { if case .boolean = self { true } else { false } }

    var asNumber: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value) where value.isFinite: value
        case .string(let text): DecimalText.number(text)
        default: nil
        }
    }

    var asInteger: Int? {
        guard let number = asNumber, number.magnitude < 1e15 else { return nil }
        return Int(exactly: number.rounded())
    }

    var asString: String? {
        switch self {
        case .string(let value): value
        case .integer, .real: plainText
        default: nil
        }
    }

    var asBool: Bool? {
        switch self {
        case .boolean(let value): value
        case .integer(let value): value != 0
        default: nil
        }
    }

    var asArray: [FormatValue]? {
        switch self {
        case .array(let values): values
        case .numbers(let values): values.map { .real($0) }
        case .points(let values):
            stride(from: 0, to: values.count, by: 2).map { .numbers([values[$0], values[$0 + 1]]) }
        default: nil
        }
    }

    /// The numbers of a list, those that are written as text too; nil for anything else.
    var asNumbers: [Double]? {
        if case .numbers(let values) = self { return values }
        guard let list = asArray else { return nil }
        let values = list.compactMap(\.asNumber)
        return values.count == list.count ? values : nil
    }

    /// The points of a list of `[x, y]`, one after another; nil for anything else. What follows x and y is left out.
    var asPoints: [Double]? {
        if case .points(let values) = self { return values }
        guard let list = asArray else { return nil }
        var values: [Double] = []
        for point in list {
            guard let pair = point.asArray, pair.count >= 2, let x = pair[0].asNumber,
                let y = pair[1].asNumber
            else { return nil }
            values.append(x)
            values.append(y)
        }
        return values
    }

    /// The value as text of other formats: of a list or an object its parts.
    var plainText: String {
        switch self {
        case .null: ""
        case .boolean(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .real(let value): NumberText.shortest(value)
        case .string(let value): value
        case .array(let values): values.map(\.plainText).joined(separator: ",")
        case .numbers(let values), .points(let values):
            values.map { Int(exactly: $0).map(String.init) ?? NumberText.shortest($0) }
                .joined(separator: ",")
        case .object(let values):
            values.keys.sorted().map { "\($0)=\(values[$0]?.plainText ?? "")" }.joined(separator: ",")
        }
    }
}

/// The members of an object of JSON in their order. They are few, so that looking at one after another finds one fast.
struct FormatObject: Sendable, Sequence, ExpressibleByDictionaryLiteral {
    private var members: [(key: String, value: FormatValue)] = []

    init() {}

    init(dictionaryLiteral elements: (String, FormatValue)...) {
        members = elements.map { (key: $0.0, value: $0.1) }
    }

    mutating func append(_ key: String, _ value: FormatValue) {
        // Most have a few: growing from one on would cost more than the reading.
        if members.isEmpty { members.reserveCapacity(8) }
        members.append((key, value))
    }

    subscript(key: String) -> FormatValue? { members.first { $0.key == key }?.value }

    var keys: [String] { members.map(\.key) }

    var isEmpty: Bool { members.isEmpty }

    func makeIterator() -> IndexingIterator<[(key: String, value: FormatValue)]> { members.makeIterator() }
}
