import Foundation
import Support
import WeightFiles

/// One case folder: `case.json` and, where it has one, `tensors.safetensors`.
package struct FixtureCase: Sendable, CustomStringConvertible {
    /// `group/case`.
    package let name: String

    /// The folder.
    package let folder: URL

    /// All of `case.json`.
    package let json: JSONValue

    /// The stored tensors, nil when the case has none.
    package let file: Safetensors?

    package var description: String { name }

    package init(folder: URL) throws {
        self.folder = folder
        name = folder.deletingLastPathComponent().lastPathComponent + "/" + folder.lastPathComponent
        let data = try Data(contentsOf: folder.appending(path: "case.json"))
        do {
            json = try data.withUnsafeBytes { try JSONValue(parsing: $0) }
        } catch let error as JSONReader.Failure {
            throw FixtureError("\(folder.path)/case.json, byte \(error.position): \(error.reason)")
        }
        let tensors = folder.appending(path: "tensors.safetensors").path
        file = FileManager.default.fileExists(atPath: tensors) ? try Safetensors(contentsOf: tensors) : nil
    }

    /// The `parameters` object.
    package var parameters: JSONValue { get throws { try json["parameters"] } }

    /// The `expected` object: values that are not tensors.
    package var expected: JSONValue { get throws { try json["expected"] } }

    /// A file beside `case.json`.
    package func path(_ file: String) -> String { folder.appending(path: file).path }

    /// The names of the tensors that start with `prefix`, in the file's order.
    package func keys(startingWith prefix: String = "") -> [String] {
        file?.keys.filter { $0.hasPrefix(prefix) } ?? []
    }

    /// Whether the case has this tensor.
    package func has(_ key: String) -> Bool { (try? file?.tensor(named: key)) != nil }

    /// A tensor.
    package func tensor(_ key: String) throws -> StoredTensor {
        guard let file else { throw FixtureError("\(name) has no tensors.safetensors") }
        return try file.tensor(named: key)
    }

    package func floats(_ key: String) throws -> [Float] { try tensor(key).floats() }
    package func integers(_ key: String) throws -> [Int64] { try tensor(key).integers() }
    package func shape(_ key: String) throws -> [Int] { try tensor(key).shape }

    /// The bytes of a uint8 or bool tensor.
    package func bytes(_ key: String) throws -> [UInt8] {
        let tensor = try tensor(key)
        guard tensor.dtype.byteCount == 1 else {
            throw FixtureError("\(name) \(key) is \(tensor.dtype), not of single bytes")
        }
        return tensor.bytes()
    }
}
