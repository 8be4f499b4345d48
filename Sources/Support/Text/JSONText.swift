import Foundation

/// JSON text of values.
///
/// JSON has no NaN and no infinities: every function here writes them as null.
package enum JSONText {
    /// `string` in quotes, with the escapes that JSON requires.
    package static func quoted(_ string: String) -> String {
        var buffer = TextBuffer()
        buffer.quoted(string)
        return buffer.text
    }

    /// The fewest digits that round-trip.
    package static func number(_ value: Double) -> String {
        value.isFinite ? NumberText.shortest(value) : "null"
    }

    /// The fewest digits that round-trip.
    package static func number(_ value: Float) -> String {
        value.isFinite ? NumberText.shortest(value) : "null"
    }

    /// A list of numbers.
    package static func list(_ values: some Sequence<Float>) -> String {
        "[" + values.lazy.map { number($0) }.joined(separator: ",") + "]"
    }

    /// A value on one line, with sorted keys.
    /// - Parameter keys: The spelling of keys.
    package static func line(
        _ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys
    ) throws -> String {
        try text(value, [.sortedKeys, .withoutEscapingSlashes], keys)
    }

    /// A value on several lines, with sorted keys.
    /// - Parameter keepsNonFinite: Whether NaN and infinities become the texts `nan`, `inf`, `-inf`, which ``value(of:)``
    ///   reads back.
    package static func document(_ value: some Encodable, keepsNonFinite: Bool = false) throws -> String {
        let formatting: JSONEncoder.OutputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard keepsNonFinite else { return try text(value, formatting) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// The value that JSON text stands for.
    /// - Throws: `DecodingError`.
    package static func value<Value: Decodable>(of bytes: [UInt8]) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode(Value.self, from: Data(bytes))
    }

    private static func text(
        _ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting,
        _ keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys
    ) throws -> String {
        // Foundation refuses such numbers or writes a string for them, which is then replaced.
        let mark = "\u{10F7FE}not finite\u{10F7FE}"
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        encoder.keyEncodingStrategy = keys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: mark, negativeInfinity: mark, nan: mark)
        let data = try encoder.encode(value)
        let text = String(decoding: data, as: UTF8.self)
        // The mark's first byte is rare, so most texts need no search.
        return data.contains(0xF4) ? text.replacing("\"\(mark)\"", with: "null") : text
    }
}

/// A JSON object whose fields keep the order in which they were added.
package struct JSONObject {
    private var fields: [String] = []

    /// Creates an object without fields.
    package init() {}

    /// The text, on one line.
    package var text: String { "{" + fields.joined(separator: ",") + "}" }

    /// Adds a field whose value is JSON text.
    package mutating func add(_ name: String, text: String) {
        fields.append("\(JSONText.quoted(name)):\(text)")
    }

    package mutating func add(_ name: String, _ value: String) { add(name, text: JSONText.quoted(value)) }

    package mutating func add(_ name: String, _ value: Int) { add(name, text: String(value)) }

    package mutating func add(_ name: String, _ value: Bool) { add(name, text: value ? "true" : "false") }

    /// Adds a field; NaN and infinities become null.
    package mutating func add(_ name: String, _ value: Double) {
        add(name, text: value.isFinite ? "\(value)" : "null")
    }

    package mutating func add(_ name: String, _ values: [String]) {
        add(name, text: "[" + values.map(JSONText.quoted).joined(separator: ",") + "]")
    }

    package mutating func add(_ name: String, _ objects: [JSONObject]) {
        add(name, text: "[" + objects.map(\.text).joined(separator: ",") + "]")
    }
}
