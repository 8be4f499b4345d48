@_exported import Support
import WeightFiles

/// Accessors that say which key lacks what.
extension JSONValue {
    package subscript(_ key: String) -> JSONValue {
        get throws {
            guard case .object(let values) = self else {
                throw FixtureError("'\(key)': \(self) is no object")
            }
            guard let value = values[key] else {
                throw FixtureError("key '\(key)' is missing among \(values.keys.sorted())")
            }
            return value
        }
    }

    /// The value of `key`, nil when this is no object, has no such key, or null is there.
    package func optional(_ key: String) -> JSONValue? {
        guard case .object(let values) = self, let value = values[key], value != .null else { return nil }
        return value
    }

    package var int: Int {
        get throws {
            guard case .integer(let value) = self else { throw FixtureError("\(self) is no integer") }
            return value
        }
    }

    package var double: Double {
        get throws {
            switch self {
            case .integer(let value): return Double(value)
            case .real(let value): return value
            default: throw FixtureError("\(self) is no number")
            }
        }
    }

    package var float: Float { get throws { Float(try double) } }

    package var bool: Bool {
        get throws {
            guard case .boolean(let value) = self else { throw FixtureError("\(self) is no boolean") }
            return value
        }
    }

    package var string: String {
        get throws {
            guard case .string(let value) = self else { throw FixtureError("\(self) is no string") }
            return value
        }
    }

    package var array: [JSONValue] {
        get throws {
            guard case .array(let values) = self else { throw FixtureError("\(self) is no array") }
            return values
        }
    }

    package var object: [String: JSONValue] {
        get throws {
            guard case .object(let values) = self else { throw FixtureError("\(self) is no object") }
            return values
        }
    }

    package var ints: [Int] { get throws { try array.map { try $0.int } } }
    package var doubles: [Double] { get throws { try array.map { try $0.double } } }
    package var strings: [String] { get throws { try array.map { try $0.string } } }
}
