/// The format of `torch.save` before version 1.6: five pickles and the storages' bytes, one after another.
///
/// Source: `_legacy_save` in torch/serialization.py.
enum LegacyTorchFile {
    /// Pickle of torch's magic number 0x1950a86a20f9469cfc6c.
    private static let magic: [UInt8] = [
        0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    /// Whether the bytes start with torch's magic number.
    static func recognizes(_ storage: TensorStorage) -> Bool {
        storage.withUnsafeBytes { $0.starts(with: magic) }
    }

    /// The checkpoint in the file.
    static func read(_ storage: TensorStorage, origin: String) throws -> PickleValue {
        var offset = magic.count
        func unpickle(_ place: String) throws -> (Unpickler, PickleNodeID) {
            var unpickler = try Unpickler(
                bytes: storage, at: offset, fileSize: storage.byteCount, origin: origin, place: place)
            let id = try unpickler.run()
            offset = unpickler.cursor.position
            return (unpickler, id)
        }
        let (version, versionID) = try unpickle("version")
        guard case .integer(1001) = version.node(versionID) else {
            throw version.failure(
                "has an unknown version of torch's old format; load it in torch and save it again")
        }
        let (system, systemID) = try unpickle("system")
        try checkByteOrder(system, systemID)
        let (content, contentID) = try unpickle("checkpoint")
        let (order, orderID) = try unpickle("list of storages")
        guard let keys = order.elements(orderID) else { throw order.failure("not a list of storages") }
        let ranges = try ranges(
            of: keys, order, content.contents.storages, in: storage, from: offset, origin: origin)
        let graph = try PickleGraph(content) { _, pickled, _ in
            guard let range = ranges[pickled.key], let bytes = storage.slice(range) else {
                throw WeightFileError(
                    file: origin, place: "storage '\(pickled.key)'", reason: "is missing from the file")
            }
            return bytes
        }
        return PickleValue(graph: graph, id: contentID)
    }

    private static func checkByteOrder(_ system: Unpickler, _ id: PickleNodeID) throws {
        guard case .dictionary(let index) = system.node(id) else {
            throw system.failure("not a description of the system")
        }
        let pairs = system.contents.dictionaries[index]
        for position in stride(from: 0, to: pairs.count - 1, by: 2)
        where system.name(pairs[position]) == "little_endian" {
            guard pairs[position + 1] == Unpickler.trueID else {
                throw system.failure(
                    "was written on a big-endian machine; load and save it on a little-endian one")
            }
        }
    }

    /// The ranges of the storages' bytes: each is a count of elements, then the elements, in the order of `keys`.
    private static func ranges(
        of keys: ArraySlice<PickleNodeID>, _ order: Unpickler, _ storages: [PickledStorage],
        in storage: TensorStorage, from offset: Int, origin: String
    ) throws -> [String: Range<Int>] {
        let known = Dictionary(storages.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var ranges: [String: Range<Int>] = [:]
        try storage.withUnsafeBytes { bytes in
            guard var cursor = ByteCursor(bytes, at: offset) else { return }
            for key in keys {
                guard let name = order.name(key), let pickled = known[name] else {
                    throw WeightFileError(
                        file: origin, place: "list of storages",
                        reason: "names a storage that the checkpoint does not have; the file is damaged")
                }
                guard let count = cursor.integer(Int64.self), count == Int64(pickled.count),
                    let byteCount = pickled.byteCount, let range = cursor.take(byteCount),
                    ranges.updateValue(range, forKey: name) == nil
                else {
                    throw WeightFileError(
                        file: origin, place: "storage '\(name)'",
                        reason:
                            "is truncated or differs in size from what the checkpoint says; download the file again"
                    )
                }
            }
            guard cursor.remaining == 0 else {
                throw WeightFileError(
                    file: origin, reason: "\(cursor.remaining) bytes at its end belong to no storage")
            }
        }
        return ranges
    }
}
