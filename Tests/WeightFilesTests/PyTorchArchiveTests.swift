import Foundation
import Testing

@testable import WeightFiles

@Suite struct PyTorchArchiveTests {
    static let floats = [Float](stride(from: 0, to: 6, by: 1)).flatMap { value in
        withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }

    @Test func viewsAreCheckedAgainstTheirStorage() throws {
        func open(
            count: Int = 6, offset: Int = 0, shape: [Int], strides: [Int], bytes: [UInt8] = Self.floats
        ) throws -> PyTorchArchive {
            try TestArchive.torch(
                PickleAssembler.pickle {
                    $0.op(.emptyDictionary)
                    $0.text("w")
                    $0.tensor(count: count, offset: offset, shape: shape, strides: strides)
                    $0.op(.setItem)
                }, storages: ["0": bytes])
        }
        #expect(
            try open(offset: 1, shape: [2, 2], strides: [1, 3]).tensor(named: "w").floats() == [1, 4, 2, 5])
        let refused: [(Int, Int, [Int], [Int], String)] = [
            (6, 0, [7], [1], "extend beyond"), (6, 6, [1], [1], "extend beyond"),
            (6, -1, [1], [1], "extend beyond"), (6, 0, [2, 2], [1, 5], "extend beyond"),
            (6, 0, [2], [-1], "not a valid tensor"), (6, 0, [-2], [1], "not a valid tensor"),
            (6, 0, [2], [1, 1], "not a valid tensor"), (6, .max, [1], [1], "extend beyond"),
            (6, 0, [.max], [.max], "not a valid tensor"), (7, 0, [1], [1], "24 bytes, but 7 elements"),
            (5, 0, [1], [1], "24 bytes, but 5 elements"), (-1, 0, [1], [1], "claims -1 elements"),
            (.max, 0, [1], [1], "claims 9223372036854775807 elements"),
        ]
        for (count, offset, shape, strides, reason) in refused {
            let error = try #require(throws: WeightFileError.self) {
                try open(count: count, offset: offset, shape: shape, strides: strides)
            }
            #expect("\(error)".contains(reason) && "\(error)".hasPrefix("a.pt: "), "\(error)")
        }
        // A view of stride 0 may have any size; one that could never be packed into memory is not handed out.
        let expanded = try open(shape: [1 << 20, 1 << 20], strides: [0, 0])
        let error = try #require(throws: WeightFileError.self) { try expanded.tensor(named: "w") }
        #expect("\(error)".contains("expansion"))
        #expect(try open(shape: [3, 2], strides: [0, 1]).tensor(named: "w").floats() == [0, 1, 0, 1, 0, 1])
    }

    @Test func storagesMustAgree() throws {
        func pair(_ second: String, count: Int) throws -> PyTorchArchive {
            try TestArchive.torch(
                PickleAssembler.pickle {
                    $0.tensor(count: 6, shape: [1], strides: [1])
                    $0.tensor(second, count: count, shape: [1], strides: [1])
                    $0.op(.tuple2)
                }, storages: ["0": Self.floats])
        }
        #expect(try pair("FloatStorage", count: 6).keys == ["0", "1"])
        #expect(throws: WeightFileError.self) { try pair("FloatStorage", count: 5) }
        #expect(throws: WeightFileError.self) { try pair("IntStorage", count: 6) }
        let missing = try #require(throws: WeightFileError.self) {
            try TestArchive.torch(
                PickleAssembler.pickle { $0.tensor(key: "../1", count: 6, shape: [1], strides: [1]) },
                storages: ["0": Self.floats])
        }
        #expect("\(missing)".contains("a/data/../1") && "\(missing)".contains("missing"))
    }

    @Test func damagedTensorsAreFoundWhenTheyAreUsed() throws {
        let pickle = PickleAssembler.pickle { $0.tensor(count: 6, shape: [6], strides: [1]) }
        var bytes = try TestArchive.zip([("a/data.pkl", pickle), ("a/data/0", Self.floats)])
        let zip = try ZipArchive(storage: TensorStorage(bytes), origin: "a.pt")
        let entry = try #require(zip["a/data/0"])
        bytes[entry.range.lowerBound + 5] ^= 1
        let damaged = try PyTorchArchive(storage: TensorStorage(bytes), origin: "a.pt")
        for _ in 0..<2 {
            let error = try #require(throws: WeightFileError.self) { try damaged.tensor(named: "") }
            #expect("\(error)".contains("a/data/0") && "\(error)".contains("checksum"), "\(error)")
        }
        let unchecked = try PyTorchArchive(storage: TensorStorage(bytes), origin: "a.pt", checksums: .ignored)
        #expect(try unchecked.tensor(named: "").count == 6)
    }

    @Test func filesOfOtherMachinesAreRefused() throws {
        let bytes = try TestArchive.zip([
            ("a/data.pkl", PickleAssembler.pickle { $0.op(.emptyDictionary) }),
            ("a/byteorder", Array("big".utf8)),
        ])
        let error = try #require(throws: WeightFileError.self) {
            try PyTorchArchive(storage: TensorStorage(bytes), origin: "a.pt")
        }
        #expect("\(error)".contains("big"))
    }

    @Test func legacyFilesAreCheckedToTheLastByte() throws {
        let fixture = try RecordedForms.fixture()
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: fixture.path("views_legacy.pth"))))
        for length in 15..<bytes.count {
            #expect(throws: WeightFileError.self, "\(length) bytes") {
                try PyTorchArchive(storage: TensorStorage(Array(bytes.prefix(length))), origin: "a.pth")
            }
        }
        #expect(throws: WeightFileError.self) {
            try PyTorchArchive(storage: TensorStorage(bytes + [0]), origin: "a.pth")
        }
    }
}
