import Support
import WeightFiles

/// A JSON object in a configuration file; errors about a value of the wrong type name its position.
struct ConfigurationFile: Sendable {
    /// The file's path, for messages.
    let path: String
    private let place: String
    private let values: [String: JSONValue]

    /// Reads a file.
    /// - Throws: ``CLIPError``.
    init(contentsOf path: String) throws {
        let storage: TensorStorage
        do {
            storage = try TensorStorage.mapping(file: path)
        } catch let error as WeightFileError {
            throw CLIPError(path, reason: error.reason, exitStatus: .failure)
        }
        guard storage.byteCount <= 10_000_000 else {
            throw CLIPError(path, reason: "\(storage.byteCount) bytes are too many for a configuration")
        }
        do {
            let value = try storage.withUnsafeBytes { try JSONValue(parsing: $0) }
            guard case .object(let values) = value else {
                throw CLIPError(path, reason: "is not a JSON object")
            }
            self.init(path: path, place: "", values: values)
        } catch let error as JSONReader.Failure {
            throw CLIPError(path, reason: "byte \(error.position): \(error.reason)")
        }
    }

    private init(path: String, place: String, values: [String: JSONValue]) {
        self.path = path
        self.place = place
        self.values = values
    }

    private func wrong(_ key: String, _ expected: String) -> CLIPError {
        CLIPError(path, reason: "\"\(place)\(key)\" is not \(expected)")
    }

    /// Whether the key exists with a value other than null.
    func has(_ key: String) -> Bool { value(key) != nil }

    private func value(_ key: String) -> JSONValue? { values[key].flatMap { $0 == .null ? nil : $0 } }

    /// Whether the value of `key` is an object.
    func isObject(_ key: String) -> Bool {
        if case .object? = value(key) { return true }
        return false
    }

    /// The object under `key`, or an empty one.
    func object(_ key: String) throws -> ConfigurationFile {
        switch value(key) {
        case nil: return ConfigurationFile(path: path, place: "\(place)\(key).", values: [:])
        case .object(let values)?:
            return ConfigurationFile(path: path, place: "\(place)\(key).", values: values)
        case _?: throw wrong(key, "an object")
        }
    }

    /// Rejects an unsupported setting that changes what a network computes.
    /// - Parameter values: The values that change nothing, besides null and absence.
    /// - Throws: ``CLIPError`` naming the setting and its value.
    func refuse(_ key: String, unless values: [JSONValue]) throws {
        guard let value = value(key), !values.contains(where: { Self.equal($0, value) }) else { return }
        let usual = values.isEmpty ? "null" : values.map(Self.text).joined(separator: " or ")
        throw CLIPError(
            path,
            reason: "\"\(place)\(key)\": \(Self.text(value)) asks for an unsupported network; supported: "
                + "\(usual)")
    }

    /// Rejects unknown settings, which may change what a network computes.
    /// - Throws: ``CLIPError`` naming one of them.
    func refuseOthers(than known: Set<String>) throws {
        guard let key = values.keys.filter({ has($0) && !known.contains($0) }).min() else { return }
        throw CLIPError(
            path,
            reason:
                "\"\(place)\(key)\" is an unknown setting that may change the network; set it to "
                + "null if it does not")
    }

    private static func equal(_ first: JSONValue, _ second: JSONValue) -> Bool {
        switch (first, second) {
        case (.boolean(let first), .integer(let second)): second == (first ? 1 : 0)
        default: first == second
        }
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .array: "[…]"
        case .object(let values): values.isEmpty ? "{}" : "{…}"
        }
    }

    /// The side of a square, given as one number or as two equal ones.
    func side(_ key: String) throws -> Int? {
        guard let sides = try integers(key) else { return nil }
        guard let side = sides.first, sides.allSatisfy({ $0 == side }) else {
            throw CLIPError(path, reason: "\"\(place)\(key)\" \(sides) is not square")
        }
        return side
    }

    func integer(_ key: String) throws -> Int? {
        switch value(key) {
        case nil: return nil
        case .integer(let number)?: return number
        case _?: throw wrong(key, "a whole number")
        }
    }

    func number(_ key: String) throws -> Double? {
        switch value(key) {
        case nil: return nil
        case .integer(let number)?: return Double(number)
        case .real(let number)? where number.isFinite: return number
        case _?: throw wrong(key, "a number")
        }
    }

    func text(_ key: String) throws -> String? {
        switch value(key) {
        case nil: return nil
        case .string(let text)?: return text
        case _?: throw wrong(key, "a text")
        }
    }

    func boolean(_ key: String) throws -> Bool? {
        switch value(key) {
        case nil: return nil
        case .boolean(let value)?: return value
        case _?: throw wrong(key, "true or false")
        }
    }

    /// A list of integers, or a single one.
    func integers(_ key: String) throws -> [Int]? {
        switch value(key) {
        case nil: return nil
        case .integer(let number)?: return [number]
        case .array(let elements)?:
            return try elements.map { element in
                guard case .integer(let number) = element else { throw wrong(key, "a list of whole numbers") }
                return number
            }
        case _?: throw wrong(key, "a whole number or a list of them")
        }
    }

    /// A list of numbers.
    func numbers(_ key: String) throws -> [Double]? {
        switch value(key) {
        case nil: return nil
        case .array(let elements)?:
            return try elements.map { element in
                switch element {
                case .integer(let number): return Double(number)
                case .real(let number) where number.isFinite: return number
                default: throw wrong(key, "a list of numbers")
                }
            }
        case _?: throw wrong(key, "a list of numbers")
        }
    }
}
