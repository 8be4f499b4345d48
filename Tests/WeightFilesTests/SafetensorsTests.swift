import FixtureSupport
import Foundation
import Testing

@testable import WeightFiles

@Suite struct SafetensorsTests {
    static func file(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
        let text = Array(header.utf8)
        return withUnsafeBytes(of: (length ?? UInt64(text.count)).littleEndian) { Array($0) } + text + data
    }

    static func open(_ bytes: [UInt8]) throws -> Safetensors {
        try Safetensors(
            storage: bytes.withUnsafeBytes { TensorStorage(copying: $0) }, origin: "f.safetensors")
    }

    @Test func everyElementTypeIsRead() throws {
        var data: [UInt8] = []
        var parts: [String] = []
        for type in DType.allCases {
            let start = data.count
            data += [UInt8](repeating: 0, count: 2 * type.byteCount)
            parts.append(
                "\"\(type)\":{\"dtype\":\"\(type.safetensors)\",\"shape\":[2,1],\"data_offsets\":[\(start),\(data.count)]}"
            )
        }
        let file = try Self.open(
            Self.file(
                "{\"__metadata__\":{\"format\":\"pt\"}," + parts.joined(separator: ",") + "}  ", data: data))
        #expect(file.keys == DType.allCases.map(\.rawValue))
        #expect(file.metadata == ["format": "pt"])
        for type in DType.allCases {
            let tensor = try file.tensor(named: type.rawValue)
            #expect(tensor.dtype == type && tensor.shape == [2, 1] && tensor.strides == [1, 1])
            #expect(tensor.doubles() == [0, 0])
        }
    }

    /// As safetensors itself does: no metadata.
    @Test("B37: null metadata is none") func nullMetadataIsNone() throws {
        let text = "{\"__metadata__\": null, \"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
        let file = try Self.open(Self.file(text, data: [5]))
        #expect(file.keys == ["a"] && file.metadata.isEmpty)
    }

    @Test func mappedBytesMayBeModifiedWithoutTouchingTheFile() throws {
        let folder = try TemporaryFolder()
        let bytes = Self.file(
            "{\"a\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[0,3]}}", data: [1, 2, 0xFF])
        let path = try folder.write(bytes, "a.safetensors")
        let tensor = try Safetensors(contentsOf: path).tensor(named: "a")
        #expect(try tensor.integers() == [1, 2, -1])
        tensor.pointer.storeBytes(of: 7, as: UInt8.self)
        #expect(try tensor.integers() == [7, 2, -1])
        #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == bytes)
    }

    @Test(arguments: [
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "needs 4 bytes"),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "not inside"),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "not inside"),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "not a valid tensor"),
        (
            "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
            "F8_E4M3 is not supported"
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,1]}}",
            1,
            "not a valid tensor"
        ),
        ("{\"a\":{\"dtype\":\"U8\",\"shape\":[1.5],\"data_offsets\":[0,1]}}", 1, "not a 64-bit integer"),
        ("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,99999999999999999999]}}", 1, "64-bit"),
        ("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "lacks"),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
            3, "overlap"
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
            3, "belong to no tensor"
        ),
        ("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2, "belong to no tensor"),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
            2, "occurs twice"
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
            "occurs twice"
        ),
        ("{\"__metadata__\":{\"a\":1}}", 0, "expected"), ("{", 0, "too few"), ("[1,2]  ", 0, "'{' expected"),
        ("{\"a\\u12\":{}}", 0, "hexadecimal"), ("{\"\\ud800\":{}}", 0, "surrogate"), ("{} x", 0, "more text"),
    ])
    func brokenHeadersAreRefused(header: String, size: Int, reason: String) throws {
        let error = try #require(throws: WeightFileError.self) {
            try Self.open(Self.file(header, data: [UInt8](repeating: 0, count: size)))
        }
        #expect("\(error)".contains(reason), "\(error)")
        #expect("\(error)".hasPrefix("f.safetensors: "))
    }

    @Test func memoryForMetadataIsBoundedByTheFile() throws {
        let pairs = (0..<150_000).map { "\"\($0)\":\"\"" }.joined(separator: ",")
        let error = try #require(throws: WeightFileError.self) {
            try Self.open(Self.file("{\"__metadata__\":{\(pairs)}}"))
        }
        #expect("\(error)".contains("more metadata"))
    }

    @Test func everyTruncationIsRefused() throws {
        let whole = Self.file(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            data: [UInt8](repeating: 1, count: 8))
        for length in 0..<whole.count {
            #expect(throws: WeightFileError.self) { try Self.open(Array(whole.prefix(length))) }
        }
        #expect(throws: WeightFileError.self) { try Self.open(Self.file("{}", length: .max)) }
    }

    @Test func missingNamesAndFilesSayWhich() throws {
        let error = try #require(throws: WeightFileError.self) {
            try Self.open(Self.file("{}        ")).tensor(named: "w")
        }
        #expect("\(error)".contains("'w'"))
        let absent = try #require(throws: WeightFileError.self) {
            try Safetensors(contentsOf: "/nowhere/x.safetensors")
        }
        #expect("\(absent)".contains("/nowhere/x.safetensors: cannot be opened"))
        #expect(throws: WeightFileError.self) { try Safetensors(contentsOf: "/tmp") }
    }

    @Test func stridedViewsReadInRowMajorOrder() throws {
        let storage = (0..<12).map { UInt8($0) }.withUnsafeBytes { TensorStorage(copying: $0) }
        let view = try StoredTensor(
            name: "v", dtype: .uint8, shape: [2, 3], strides: [1, 4], storage: storage, storageOffset: 1)
        #expect(!view.isContiguous)
        #expect(try view.integers() == [1, 5, 9, 2, 6, 10])
        #expect(try view.contiguous().strides == [3, 1])
        #expect(throws: WeightFileError.self) {
            try StoredTensor(
                name: "v", dtype: .uint8, shape: [2, 3], strides: [1, 5], storage: storage, storageOffset: 1)
        }
        #expect(throws: WeightFileError.self) {
            try StoredTensor(
                name: "v", dtype: .int16, shape: [3, 2], strides: [.max, 1], storage: storage)
        }
    }

    @Test func halfPrecisionIsExact() throws {
        #expect(HalfPrecision.float(half: 0x3C00) == 1)
        #expect(HalfPrecision.float(half: 0xC000) == -2)
        #expect(HalfPrecision.float(half: 0x0001) == 0x1p-24)
        #expect(HalfPrecision.float(half: 0x7BFF) == 65504)
        #expect(HalfPrecision.float(half: 0xFC00) == -.infinity)
        #expect(HalfPrecision.float(half: 0x7E00).isNaN)
        #expect(HalfPrecision.float(half: 0x8000).sign == .minus)
    }
}
