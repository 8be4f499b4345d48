import CZlib
import WeightFiles

/// The readers of weight files as fuzzing targets.
enum WeightTargets {
    /// Reads every byte of every tensor once.
    static func use(_ source: some WeightSource) throws {
        for key in source.keys {
            guard let tensor = try? source.tensor(named: key) else { continue }
            read(tensor)
        }
    }

    /// Reads every byte of a tensor's memory once, and its last element.
    static func read(_ tensor: StoredTensor) {
        guard tensor.count <= 1 << 20 else { return }
        var sum = 0
        // Not packed: views that repeat their elements may be larger than any limit.
        tensor.storage.withUnsafeBytes { for byte in $0 { sum &+= Int(byte) } }
        var last = tensor.storageOffset
        for (size, stride) in Swift.zip(tensor.shape, tensor.strides) {
            last += max(size - 1, 0) * stride
        }
        if tensor.count > 0 {
            sum &+= Int((tensor.storage.pointer + last * tensor.dtype.byteCount).load(as: UInt8.self))
        }
        withExtendedLifetime(sum) {}
    }

    /// Opens an archive and reads all its entries, regardless of their checksums.
    static func zip(_ input: UnsafeRawBufferPointer) throws {
        let storage = TensorStorage(copying: input)
        let zip = try ZipArchive(storage: storage, origin: "input")
        for entry in zip.entries {
            guard let contents = try? zip.contents(of: entry) else { continue }
            _ = contents.withUnsafeBytes { $0.last }
        }
        try use(PyTorchArchive(storage: storage, origin: "input", checksums: .ignored))
    }

    /// The input as `data.pkl` of a checkpoint or, by its last bit, of a TorchScript archive. Its checksum is correct,
    /// which mutating a whole archive would never achieve.
    static func torch(_ input: UnsafeRawBufferPointer) throws {
        let isScript = (input.last ?? 0) & 1 == 1
        let pickle = Array(input.dropLast())
        let records: [(String, [UInt8])] = [
            ("a/data.pkl", pickle), ("a/data/0", [UInt8](repeating: 1, count: 96)),
            ("a/data/1", [UInt8](repeating: 2, count: 8)), ("a/data/2", []),
        ]
        let storage = archive(isScript ? records + [("a/constants.pkl", [])] : records)
        if isScript {
            try use(TorchScriptArchive(storage: storage, origin: "input"))
        } else {
            try use(PyTorchArchive(storage: storage, origin: "input"))
        }
    }

    /// The simplest archive with these entries.
    private static func archive(_ records: [(name: String, bytes: [UInt8])]) -> TensorStorage {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for (name, bytes) in records {
            let checksum = UInt32(truncatingIfNeeded: crc32_z(0, bytes, bytes.count))
            let fields =
                little(UInt16(20)) + little(UInt16(0)) + little(UInt16(0)) + little(UInt32(0))
                + little(checksum)
                + little(UInt32(bytes.count)) + little(UInt32(bytes.count)) + little(UInt16(name.utf8.count))
                + little(UInt16(0))
            directory += little(UInt32(0x0201_4B50)) + little(UInt16(20)) + fields
            directory += [UInt8](repeating: 0, count: 10) + little(UInt32(file.count)) + Array(name.utf8)
            file += little(UInt32(0x0403_4B50)) + fields + Array(name.utf8) + bytes
        }
        let start = file.count
        file += directory + little(UInt32(0x0605_4B50)) + [0, 0, 0, 0]
        file += little(UInt16(records.count)) + little(UInt16(records.count))
        file += little(UInt32(directory.count)) + little(UInt32(start)) + [0, 0]
        return file.withUnsafeBytes { TensorStorage(copying: $0) }
    }

    private static func little(_ number: some FixedWidthInteger & BitwiseCopyable) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}
