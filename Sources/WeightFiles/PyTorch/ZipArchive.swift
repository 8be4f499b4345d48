import CZlib
import Support

/// A zip archive over bytes in memory, usually a mapped file.
///
/// Supports what PyTorch, Python and common tools write: stored and deflated entries, zip64, data descriptors (PKWARE's
/// APPNOTE.TXT, sections 4.3 to 4.5). The whole directory is checked when the archive is opened: entries that overlap,
/// are outside the file, disagree with their local header, occur twice or have a name that leads out of a folder are
/// refused.
package struct ZipArchive: Sendable {
    /// One file of the archive.
    package struct Entry: Sendable {
        /// The name, with folders separated by slashes.
        package let name: String

        /// Whether the bytes are deflated; otherwise they are stored uncompressed.
        package let isDeflated: Bool

        /// The CRC-32 of the contents.
        let checksum: UInt32

        /// The range of the file that holds the contents, as stored.
        let range: Range<Int>

        /// The size of the contents.
        package let byteCount: Int

        /// The range from the local header to the end of the stored bytes.
        let extent: Range<Int>
    }

    /// The name of the archive in messages: a file's path.
    package let origin: String

    /// The files, in the order of the directory. Folders are omitted.
    package let entries: [Entry]

    private let indices: [String: Int]

    /// The bytes of the whole archive.
    let storage: TensorStorage

    /// Reads and checks the directory of the archive in `storage`.
    ///
    /// - Throws: ``WeightFileError``.
    package init(storage: TensorStorage, origin: String) throws {
        self.storage = storage
        self.origin = origin
        entries = try storage.withUnsafeBytes { bytes in
            try ZipDirectoryReader(bytes: bytes, origin: origin).entries()
        }
        var indices: [String: Int] = [:]
        indices.reserveCapacity(entries.count)
        for (index, entry) in entries.enumerated() {
            guard indices.updateValue(index, forKey: entry.name) == nil else {
                throw WeightFileError(
                    file: origin, place: "entry '\(entry.name)'", reason: "occurs twice in the archive")
            }
        }
        self.indices = indices
        let order = entries.sorted { $0.extent.lowerBound < $1.extent.lowerBound }
        for (first, second) in zip(order, order.dropFirst())
        where second.extent.lowerBound < first.extent.upperBound {
            throw WeightFileError(
                file: origin, place: "entry '\(second.name)'",
                reason: "starts at byte \(second.extent.lowerBound), inside of entry '\(first.name)'")
        }
    }

    /// The entry called `name`.
    package subscript(name: String) -> Entry? { indices[name].map { entries[$0] } }
}

extension ZipArchive {
    private func failure(_ entry: Entry, _ reason: String) -> WeightFileError {
        WeightFileError(file: origin, place: "entry '\(entry.name)'", reason: reason)
    }

    /// The contents of `entry`, with the checksum verified.
    ///
    /// Stored bytes are not copied.
    ///
    /// - Throws: ``WeightFileError`` if the checksum is wrong, a deflated stream is broken or its size differs from the
    ///   directory's, or deflated entries need more memory than four times the archive's size.
    package func contents(of entry: Entry) throws -> TensorStorage {
        var budget = MemoryBudget(fileSize: storage.byteCount)
        let contents = try unverifiedContents(of: entry, budget: &budget)
        try verify(contents, of: entry)
        return contents
    }

    /// The contents without reading stored bytes; inflated bytes count against `budget`.
    func unverifiedContents(of entry: Entry, budget: inout MemoryBudget) throws -> TensorStorage {
        guard let stored = storage.slice(entry.range) else { throw failure(entry, "is outside the file") }
        guard entry.isDeflated else { return stored }
        guard budget.spend(entry.byteCount) else {
            throw failure(
                entry,
                "inflates to \(entry.byteCount) bytes; with the other entries, that is more than four "
                    + "times the size of the file; save it uncompressed")
        }
        return try TensorStorage(byteCount: entry.byteCount) { target in
            try stored.withUnsafeBytes { try inflate($0, into: target, entry) }
        }
    }

    /// Compares the CRC-32 of `contents` with the one in the directory.
    func verify(_ contents: TensorStorage, of entry: Entry) throws {
        let checksum = contents.withUnsafeBytes { CRC32.checksum($0) }
        guard checksum == entry.checksum else {
            throw failure(
                entry,
                "its contents do not match their checksum; the file is damaged; download or save it again"
            )
        }
    }

    private func inflate(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, _ entry: Entry
    ) throws {
        var stream = z_stream()
        // Negative: a raw stream without zlib's header.
        guard
            inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw failure(entry, "zlib cannot be started") }
        defer { inflateEnd(&stream) }
        var (taken, made) = (0, 0)
        var status = Z_OK
        while status == Z_OK {
            // zlib counts in 32 bits.
            let available = min(source.count - taken, 1 << 30)
            let room = min(target.count - made, 1 << 30)
            stream.next_in = UnsafeMutablePointer(
                mutating: source.baseAddress.map { ($0 + taken).assumingMemoryBound(to: UInt8.self) })
            stream.avail_in = UInt32(available)
            stream.next_out = target.baseAddress.map { ($0 + made).assumingMemoryBound(to: UInt8.self) }
            stream.avail_out = UInt32(room)
            status = CZlib.inflate(&stream, Z_NO_FLUSH)
            taken += available - Int(stream.avail_in)
            made += room - Int(stream.avail_out)
        }
        guard status == Z_STREAM_END, made == target.count, taken == source.count else {
            throw failure(
                entry,
                "its deflated bytes are broken or do not have the size in the directory "
                    + "(\(made) of \(target.count) bytes); the file is damaged; download it again")
        }
    }
}
