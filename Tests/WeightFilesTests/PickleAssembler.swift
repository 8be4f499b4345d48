import Support
import FixtureSupport
import Foundation

@testable import WeightFiles

/// Pickles written by hand, instruction by instruction.
struct PickleAssembler {
    var bytes: [UInt8] = [0x80, 2]

    static func pickle(_ body: (inout PickleAssembler) -> Void) -> [UInt8] {
        var assembler = PickleAssembler()
        body(&assembler)
        assembler.op(.stop)
        return assembler.bytes
    }

    mutating func op(_ opcodes: PickleOpcode...) { bytes += opcodes.map(\.rawValue) }

    mutating func raw(_ values: UInt8...) { bytes += values }

    mutating func integer(_ value: Int) {
        op(.long1)
        bytes.append(8)
        bytes.appendInteger(Int64(value))
    }

    mutating func text(_ value: String) {
        op(.binaryUnicode)
        bytes.appendInteger(UInt32(value.utf8.count))
        bytes += value.utf8
    }

    mutating func data(_ value: [UInt8]) {
        op(.binaryBytes)
        bytes.appendInteger(UInt32(value.count))
        bytes += value
    }

    mutating func global(_ module: String, _ name: String) {
        op(.global)
        bytes += "\(module)\n\(name)\n".utf8
    }

    mutating func put(_ index: UInt8) {
        op(.binaryPut)
        bytes.append(index)
    }

    mutating func get(_ index: UInt8) {
        op(.binaryGet)
        bytes.append(index)
    }

    mutating func tuple(_ values: [Int]) {
        op(.mark)
        for value in values { integer(value) }
        op(.tuple)
    }

    /// Leaves a numpy type on the stack.
    mutating func arrayType(_ code: String, order: String = "<") {
        global("numpy", "dtype")
        text(code)
        op(.newFalse, .newTrue, .tuple3, .reduce, .mark)
        integer(3)
        text(order)
        op(.none, .none, .none, .tuple, .build)
    }

    /// Leaves an array on the stack.
    mutating func array(_ code: String, order: String = "<", shape: [Int], data contents: [UInt8]) {
        global("numpy.core.multiarray", "_reconstruct")
        op(.emptyTuple, .reduce, .mark)
        integer(1)
        tuple(shape)
        arrayType(code, order: order)
        op(.newFalse)
        data(contents)
        op(.tuple, .build)
    }

    /// Leaves a storage of torch on the stack.
    mutating func storage(_ type: String = "FloatStorage", key: String = "0", count: Int) {
        op(.mark)
        text("storage")
        global("torch", type)
        text(key)
        text("cpu")
        integer(count)
        op(.tuple, .binaryPersistentID)
    }

    /// Leaves a tensor of torch on the stack.
    mutating func tensor(
        _ type: String = "FloatStorage", key: String = "0", count: Int, offset: Int = 0, shape: [Int],
        strides: [Int]
    ) {
        global("torch._utils", "_rebuild_tensor_v2")
        op(.mark)
        storage(type, key: key, count: count)
        integer(offset)
        tuple(shape)
        tuple(strides)
        op(.newFalse, .none, .tuple, .reduce)
    }
}

extension TensorStorage {
    /// A copy of `bytes`.
    convenience init(_ bytes: [UInt8]) { self.init(byteCount: bytes.count) { $0.copyBytes(from: bytes) } }
}

/// Small archives in memory.
enum TestArchive {
    /// A zip archive with these entries, made by the writer of the package.
    static func zip(_ entries: [(String, [UInt8])], zip64Threshold: Int = Int(UInt32.max)) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let path = folder.file("archive.zip")
        try AtomicFile.write(to: path) { file in
            var zip = ZipWriter(zip64Threshold: zip64Threshold)
            for (name, bytes) in entries {
                try bytes.withUnsafeBytes { try zip.add(name, $0, to: &file) }
            }
            try zip.finish(&file)
        }
        return try [UInt8](Data(contentsOf: URL(filePath: path)))
    }

    /// A checkpoint of torch with this pickle and storages.
    static func torch(_ pickle: [UInt8], storages: [String: [UInt8]] = [:]) throws -> PyTorchArchive {
        let data = storages.sorted { $0.key < $1.key }.map { ("a/data/\($0.key)", $0.value) }
        let bytes = try zip([("a/data.pkl", pickle)] + data)
        return try PyTorchArchive(storage: TensorStorage(bytes), origin: "a.pt")
    }
}
