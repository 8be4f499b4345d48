import Support
import WeightFiles

/// A JSON object of a configuration file whose values say where they stand when they are of a wrong kind.
struct ConfigurationFile: Sendable {
    /// The file's path, for messages.
    let path: String
    private let place: String
    private let values: [String: JSONValue]

    /// Reads a file.
    /// - Throws: `WeightFileError`, ``CLIPError``.
    init(path: String) throws {
        let storage = try TensorStorage.mapping(file: path)
        guard storage.byteCount <= 10_000_000 else {
            throw CLIPError(path, reason: "\(storage.byteCount) bytes are too many for a configuration")
        }
        do {
            let value = try storage.withUnsafeBytes { try JSONValue(parsing: $0) }
            guard case .object(let values) = value else {
                throw CLIPError(path, reason: "holds no JSON object")
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

    /// Whether the key is there with a value other than null.
    func has(_ key: String) -> Bool { value(key) != nil }

    private func value(_ key: String) -> JSONValue? { values[key].flatMap { $0 == .null ? nil : $0 } }

    /// The object under `key`; an empty one when there is none.
    func object(_ key: String) throws -> ConfigurationFile {
        switch value(key) {
        case nil: return ConfigurationFile(path: path, place: "\(place)\(key).", values: [:])
        case .object(let values)?:
            return ConfigurationFile(path: path, place: "\(place)\(key).", values: values)
        case _?: throw wrong(key, "an object")
        }
    }

    /// The same object, with values of another one in the place of its own.
    func overridden(by other: ConfigurationFile) -> ConfigurationFile {
        ConfigurationFile(
            path: path, place: place,
            values: values.merging(other.values) { own, other in other == .null ? own : other })
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

    /// A list of whole numbers, or one alone.
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

    /// The texts among the values, whatever their keys.
    func texts() throws -> [String] {
        try values.keys.map { key in
            guard let text = try text(key) else { throw wrong(key, "a text") }
            return text
        }
    }
}
