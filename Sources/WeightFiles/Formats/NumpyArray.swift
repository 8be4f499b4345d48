import Foundation

/// A single array in a NumPy file (`.npy`, versions 1 to 3), memory-mapped.
///
/// Nothing is executed: arrays of objects, which are pickles, are refused.
public enum NumpyArray {
    /// Opens and checks a file.
    /// - Returns: The array; its name is the path.
    /// - Throws: ``WeightFileError`` if the file is not an array of numbers, is truncated, or has extra bytes at its
    ///   end.
    public static func read(_ path: String) throws -> StoredTensor {
        try read(storage: .mapping(file: path), origin: path)
    }

    package static func read(storage: TensorStorage, origin: String) throws -> StoredTensor {
        func failure(_ reason: String) -> WeightFileError { WeightFileError(file: origin, reason: reason) }
        let (start, text) = try storage.withUnsafeBytes { bytes -> (Int, String) in
            guard bytes.count >= 10, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
                throw failure("is not a NumPy array (.npy)")
            }
            guard (1...3).contains(bytes[6]) else {
                throw failure("has format version \(bytes[6]); versions 1 to 3 are supported")
            }
            let width = bytes[6] == 1 ? 2 : 4
            guard bytes.count >= 8 + width else { throw failure("is truncated in its header") }
            let length = (0..<width).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
            guard length <= 65_536, bytes.count - 8 - width >= length else {
                throw failure("is truncated in its header, or has a header longer than 65,536 bytes")
            }
            let start = 8 + width
            return (start + length, String(decoding: bytes[start..<start + length], as: UTF8.self))
        }
        guard let type = value("descr", text), let order = value("fortran_order", text),
            let shapeText = value("shape", text), let shape = shape(shapeText)
        else { throw failure("has a header that is not NumPy's: \(text.prefix(80))") }
        guard let dtype = types[type.trimmingCharacters(in: CharacterSet(charactersIn: "'\""))] else {
            throw failure("has elements of type \(type), which are not plain little-endian numbers")
        }
        guard order == "True" || order == "False",
            let count = StridedLayout(shape: shape, strides: nil)?.count
        else { throw failure("has a header that is not NumPy's: \(text.prefix(80))") }
        let rest = storage.byteCount - start
        guard rest % dtype.byteCount == 0, rest / dtype.byteCount == count,
            let data = storage.slice(start..<storage.byteCount)
        else {
            throw failure("has \(rest) bytes of elements, which do not match \(shape) of \(dtype)")
        }
        var strides: [Int]?
        if order == "True" {
            var step = 1
            strides = shape.map { size in
                defer { step &*= max(size, 1) }
                return step
            }
        }
        return try StoredTensor(name: origin, dtype: dtype, shape: shape, strides: strides, storage: data)
    }

    private static let types: [String: DType] = [
        "<f4": .float32, "<f8": .float64, "<f2": .float16, "|i1": .int8, "<i2": .int16, "<i4": .int32,
        "<i8": .int64, "|u1": .uint8, "|b1": .bool,
    ]

    /// The text of a value in the header, which is a printed Python dictionary.
    private static func value(_ key: String, _ text: String) -> String? {
        guard let place = text.range(of: "'\(key)':") else { return nil }
        let rest = text[place.upperBound...].drop { $0 == " " }
        if rest.first == "(" {
            return rest.firstIndex(of: ")").map { String(rest[rest.startIndex...$0]) }
        }
        return rest.firstIndex { $0 == "," || $0 == "}" }.map {
            String(rest[..<$0]).trimmingCharacters(in: .whitespaces)
        }
    }

    private static func shape(_ text: String) -> [Int]? {
        guard text.hasPrefix("("), text.hasSuffix(")") else { return nil }
        let parts = text.dropFirst().dropLast().split(separator: ",").map {
            $0.trimmingCharacters(in: .whitespaces)
        }.filter { !$0.isEmpty }
        let numbers = parts.compactMap { Int($0) }
        return numbers.count == parts.count && numbers.count <= 32 && numbers.allSatisfy { $0 >= 0 }
            ? numbers : nil
    }
}
