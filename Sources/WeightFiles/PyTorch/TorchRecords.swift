import Synchronization

/// The records of a zip archive written by torch: `<root>/data.pkl`, `<root>/data/<key>` and others.
///
/// The format is that of caffe2/serialize/inline_container.h.
final class TorchRecords: Sendable {
    let zip: ZipArchive

    /// The folder that contains all records, with a slash; empty if there is none.
    let root: String

    private let checksums: ChecksumPolicy

    /// The record of each storage of the pickle, and whether its checksum was verified.
    private let storages: Mutex<[(entry: ZipArchive.Entry, contents: TensorStorage, isVerified: Bool)]>

    /// - Throws: ``WeightFileError`` if the archive has no `data.pkl`, or was written on a big-endian machine.
    init(zip: ZipArchive, checksums: ChecksumPolicy) throws {
        guard let root = Self.root(of: zip) else {
            throw WeightFileError(
                file: zip.origin, reason: "is a zip archive without data.pkl, not one written by torch")
        }
        self.zip = zip
        self.root = root
        self.checksums = checksums
        storages = Mutex([])
        if let entry = zip[root + "byteorder"] {
            let order = try zip.contents(of: entry).withUnsafeBytes {
                String(decoding: $0.prefix(20), as: UTF8.self)
            }
            guard order == "little" else {
                throw WeightFileError(
                    file: zip.origin, place: "entry '\(entry.name)'",
                    reason: "the byte order is \(order.debugDescription); load and save the file on a "
                        + "little-endian machine")
            }
        }
    }

    /// The folder of the archive's `data.pkl`, with a slash; nil if there is none.
    static func root(of zip: ZipArchive) -> String? {
        for entry in zip.entries {
            let parts = entry.name.split(separator: "/")
            if parts.last == "data.pkl", parts.count <= 2 {
                return parts.count == 2 ? "\(parts[0])/" : ""
            }
        }
        return nil
    }

    /// Whether the archive was written by `torch.jit.save`.
    static func isTorchScript(_ zip: ZipArchive) -> Bool {
        root(of: zip).map { zip[$0 + "constants.pkl"] != nil } ?? false
    }

    /// The values of `data.pkl`, as the root value.
    func graph(allowsScriptClasses: Bool) throws -> PickleValue {
        guard let entry = zip[root + "data.pkl"] else {
            throw WeightFileError(file: zip.origin, place: "'\(root)data.pkl'", reason: "is missing")
        }
        var unpickler = try Unpickler(
            bytes: zip.contents(of: entry), fileSize: zip.storage.byteCount, origin: zip.origin,
            place: "entry '\(entry.name)'", allowsScriptClasses: allowsScriptClasses)
        let id = try unpickler.run()
        guard unpickler.cursor.remaining == 0 else {
            throw unpickler.failure("\(unpickler.cursor.remaining) bytes follow the end of the pickle")
        }
        let graph = try PickleGraph(unpickler) { _, pickled, budget in
            let name = "\(root)data/\(pickled.key)"
            guard let entry = zip[name] else {
                throw WeightFileError(
                    file: zip.origin, place: "'\(name.prefix(200))'",
                    reason: "a storage is missing from the archive")
            }
            let contents = try zip.unverifiedContents(of: entry, budget: &budget)
            storages.withLock { $0.append((entry, contents, false)) }
            return contents
        }
        return PickleValue(graph: graph, id: id)
    }

    /// Compares the checksum of the storage with this index, the first time.
    func verify(storage number: Int) throws {
        guard checksums == .verified else { return }
        let pending = storages.withLock { storages in
            storages.indices.contains(number) && !storages[number].isVerified ? storages[number] : nil
        }
        guard let pending else { return }
        do {
            try zip.verify(pending.contents, of: pending.entry)
        } catch let error as WeightFileError {
            throw WeightFileError(
                file: error.file, place: error.place,
                reason: error.reason + " (or, if it was saved without checksums, open it so)")
        }
        storages.withLock { $0[number].isVerified = true }
    }
}
