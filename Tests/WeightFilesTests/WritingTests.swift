import Support
import FixtureSupport
import Foundation
import Testing

@testable import WeightFiles

@Suite struct WritingTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func tensor(_ name: String, _ dtype: DType, _ shape: [Int]) throws -> StoredTensor {
        let count = shape.reduce(1, *) * dtype.byteCount
        return try StoredTensor(
            name: name, dtype: dtype, shape: shape,
            storage: TensorStorage((0..<count).map { dtype == .bool ? UInt8($0 & 1) : UInt8($0 & 0xFF) }))
    }

    func allTypes() throws -> [StoredTensor] {
        try DType.allCases.reversed().map { try tensor("layer.\($0)", $0, [3, 1]) } + [
            tensor("empty", .float32, [0, 2]), tensor("scalar", .uint8, []),
            tensor("ü\"\\\n\u{1}", .int8, [5]),
        ]
    }

    func expectSame(_ source: any WeightSource, _ tensors: [StoredTensor]) throws {
        #expect(source.keys == tensors.map(\.name))
        for tensor in tensors {
            let read = try source.tensor(named: tensor.name)
            #expect(read.dtype == tensor.dtype && read.shape == tensor.shape)
            #expect(read.bytes() == tensor.bytes(), "\(tensor)")
        }
    }

    @Test func safetensorsRoundTripInOrderAndAligned() throws {
        let tensors = try allTypes()
        let path = folder.file("a.safetensors")
        try Safetensors.write(tensors, metadata: ["b": "\"2\"", "a": "é"], to: path)
        let file = try Safetensors(contentsOf: path)
        #expect(file.metadata == ["b": "\"2\"", "a": "é"])
        try expectSame(file, tensors)
        for tensor in try file.tensors() { #expect(tensor.isAligned, "\(tensor)") }
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
        let length = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        #expect((length + 8) % 64 == 0)
        #expect(bytes[8..<60].starts(with: "{\"__metadata__\":{\"a\":\"é\",\"b\":\"\\\"2\\\"\"},".utf8))
        // The largest elements come first.
        #expect(try file.tensor(named: "layer.int64").pointer < file.tensor(named: "layer.uint8").pointer)
        try Safetensors.write([], to: path)
        #expect(try Safetensors(contentsOf: path).keys.isEmpty)
    }

    @Test func stridedTensorsArePackedInSafetensors() throws {
        let storage = TensorStorage((0..<12).map { UInt8($0) })
        let view = try StoredTensor(
            name: "v", dtype: .uint8, shape: [2, 3], strides: [1, 4], storage: storage, storageOffset: 1)
        try Safetensors.write([view], to: folder.file("a.safetensors"))
        #expect(
            try Safetensors(contentsOf: folder.file("a.safetensors")).tensor(named: "v").integers() == [
                1, 5, 9, 2, 6, 10,
            ])
    }

    @Test(arguments: [Int(UInt32.max), 100]) func checkpointsRoundTrip(threshold: Int) throws {
        let tensors = try allTypes()
        let value: CheckpointValue = [
            "epoch": 3, "best": -0.5, "name": "é", "done": true, "not": false, "nothing": nil,
            "model": .tensors(tensors), "sizes": [1, -1, 255, 256, 70_000, 5_000_000_000, .integer(.min)],
            "shape": .tuple([2, 3]), "none": [:], "no": [],
            "optimizer": ["state": [0: ["step": .tensor(tensors[0])], 1000: ["step": 2]]],
        ]
        let path = folder.file("a.pt")
        try PyTorchArchive.write(value, to: path, zip64Threshold: threshold)
        let archive = try PyTorchArchive(contentsOf: path)
        let root = archive.root
        #expect(root["epoch"]?.integer == 3 && root["best"]?.real == -0.5 && root["name"]?.string == "é")
        #expect(root["done"]?.boolean == true && root["not"]?.boolean == false)
        if case .none? = root["nothing"]?.content {} else { Issue.record("None was lost") }
        #expect(
            root["sizes"]?.content.elements?.map(\.integer) == [1, -1, 255, 256, 70_000, 5_000_000_000, .min])
        #expect(root["shape"]?.content.elements?.count == 2 && root["no"]?.content.elements?.isEmpty == true)
        #expect(root["none"]?.items?.isEmpty == true)
        #expect(
            root["optimizer"]?["state"]?.items?.map(\.key.integer) == [0, 1000]
                && root["optimizer"]?["state"]?.items?[1].value["step"]?.integer == 2)
        #expect(archive.keys == tensors.map { "model.\($0.name)" } + ["optimizer.state.0.step"])
        for tensor in tensors {
            let read = try archive.tensor(named: "model.\(tensor.name)")
            #expect(
                read.dtype == tensor.dtype && read.shape == tensor.shape && read.bytes() == tensor.bytes())
            #expect(tensor.count == 0 || Int(bitPattern: read.storage.pointer) % 64 == 0)
        }
        #expect(
            try archive.tensor(named: "optimizer.state.0.step").pointer
                == archive.tensor(named: "model.\(tensors[0].name)").pointer)
    }

    @Test func sharedMemoryIsWrittenOnceAndOnlyWhatIsUsed() throws {
        let storage = TensorStorage([UInt8](repeating: 1, count: 40_000))
        func view(_ name: String, _ shape: [Int], _ strides: [Int], _ offset: Int) throws -> StoredTensor {
            try StoredTensor(
                name: name, dtype: .float32, shape: shape, strides: strides, storage: storage,
                storageOffset: offset)
        }
        let tensors = try [
            view("a", [10, 10], [10, 1], 5000), view("b", [10, 10], [1, 10], 5000), view("c", [5], [2], 5090),
            view("none", [0], [1], 0), view("expanded", [1000], [0], 5001),
        ]
        let path = folder.file("a.pt")
        try PyTorchArchive.write(tensors, to: path)
        let archive = try PyTorchArchive(contentsOf: path)
        #expect(archive.keys == tensors.map(\.name))
        for tensor in tensors {
            let read = try archive.tensor(named: tensor.name)
            #expect(read.strides == tensor.strides && read.bytes() == tensor.bytes(), "\(tensor)")
        }
        let a = try archive.tensor(named: "a")
        #expect(a.storage.byteCount == 400)
        #expect(try archive.tensor(named: "b").pointer == a.pointer)
        #expect(try archive.tensor(named: "c").pointer == a.pointer + 360)
        let size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size < 3000)
    }

    @Test func failuresLeaveTheOldFileAndNothingElse() throws {
        let path = folder.file("a.safetensors")
        let first = try tensor("a", .uint8, [4])
        try Safetensors.write([first], to: path)
        let before = try Data(contentsOf: URL(filePath: path))
        #expect(throws: WeightFileError.self) { try Safetensors.write([first, first], to: path) }
        #expect(throws: WeightFileError.self) {
            try Safetensors.write([tensor("__metadata__", .uint8, [1])], to: path)
        }
        #expect(throws: WeightFileError.self) { try PyTorchArchive.write(["a": 1, "a": 2], to: path) }
        var deep: CheckpointValue = 1
        for _ in 0..<200 { deep = [deep] }
        #expect(throws: WeightFileError.self) { try PyTorchArchive.write(deep, to: path) }
        struct Interruption: Error {}
        #expect(throws: Interruption.self) {
            try AtomicFile.write(to: path) { file in
                try file.write([UInt8](repeating: 0, count: 200_000))
                throw Interruption()
            }
        }
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
        #expect(folder.names == ["a.safetensors"])
        let missing = try #require(throws: WeightFileError.self) {
            try Safetensors.write([first], to: folder.file("absent/a.safetensors"))
        }
        #expect("\(missing)".contains("absent/a.safetensors: cannot be created: No such file"))
        try FileManager.default.createDirectory(atPath: folder.file("d/e"), withIntermediateDirectories: true)
        #expect(throws: WeightFileError.self) { try Safetensors.write([first], to: folder.file("d")) }
        #expect(
            folder.names == [
                "a.safetensors", "d",
            ])
    }

    @Test func aMappedFileMayBeReplacedByWhatWasReadFromIt() throws {
        let path = folder.file("a.safetensors")
        try Safetensors.write([tensor("a", .int16, [40_000])], to: path)
        let old = try Safetensors(contentsOf: path)
        try Safetensors.write(old.tensors(), metadata: ["new": "yes"], to: path)
        let new = try Safetensors(contentsOf: path)
        #expect(new.metadata == ["new": "yes"])
        #expect(try new.tensor(named: "a").bytes() == old.tensor(named: "a").bytes())
    }

    @Test func everyReadableFormCanBeWrittenAgain() throws {
        let fixture = try RecordedForms.fixture()
        for file in ["state_dict.pt", "views.pt", "legacy.pth", "script.pt", "protocol5.pkl"] {
            let source = try WeightFile.open(fixture.path(file))
            let tensors = try source.tensors()
            let (a, b) = (folder.file("a.safetensors"), folder.file("b.pt"))
            try Safetensors.write(tensors, to: a)
            try expectSame(WeightFile.open(a), tensors)
            try PyTorchArchive.write(tensors, to: b)
            try expectSame(WeightFile.open(b), tensors)
        }
    }
}
