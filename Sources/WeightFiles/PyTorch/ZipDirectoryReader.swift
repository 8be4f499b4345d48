/// Reads the central directory at the end of a zip archive.
struct ZipDirectoryReader {
    private enum Signature {
        static let localHeader: UInt32 = 0x0403_4B50
        static let directoryHeader: UInt32 = 0x0201_4B50
        static let end: UInt32 = 0x0605_4B50
        static let end64: UInt32 = 0x0606_4B50
        static let locator64: UInt32 = 0x0706_4B50
    }

    private struct Directory {
        var count: UInt64
        var byteCount: UInt64
        var offset: UInt64

        /// The position where the directory must have ended.
        var limit: Int
    }

    /// One header of the directory, before it is compared with the entry's local header.
    private struct Header {
        var flags: UInt16 = 0
        var method: UInt16 = 0
        var checksum: UInt32 = 0
        var compressed: UInt64 = 0
        var uncompressed: UInt64 = 0
        var offset: UInt64 = 0
        var nameRange = 0..<0
        var name = ""
    }

    let bytes: UnsafeRawBufferPointer
    let origin: String

    private func failure(_ place: String, _ reason: String) -> WeightFileError {
        WeightFileError(file: origin, place: place, reason: reason)
    }

    private func load<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type, at offset: Int)
        -> Number?
    {
        var cursor = ByteCursor(bytes, at: offset)
        return cursor?.integer(type)
    }

    /// All files of the archive, without folders.
    func entries() throws -> [ZipArchive.Entry] {
        let directory = try directory()
        guard directory.offset <= UInt64(directory.limit),
            directory.byteCount <= UInt64(directory.limit) - directory.offset
        else {
            throw failure(
                "zip directory",
                "\(directory.byteCount) bytes at \(directory.offset) extend beyond the file's \(bytes.count)")
        }
        // A header takes at least 46 bytes.
        guard directory.count <= directory.byteCount / 46 else {
            throw failure(
                "zip directory", "\(directory.count) entries do not fit into its \(directory.byteCount) bytes"
            )
        }
        let start = Int(directory.offset)
        let end = start + Int(directory.byteCount)
        guard var cursor = ByteCursor(UnsafeRawBufferPointer(rebasing: bytes[..<end]), at: start) else {
            throw failure("zip directory", "is outside the file")
        }
        var entries: [ZipArchive.Entry] = []
        for number in 0..<Int(directory.count) {
            guard let header = try header(&cursor) else {
                throw failure("zip directory", "entry \(number) is broken or truncated")
            }
            if header.name.hasSuffix("/"), header.uncompressed == 0 { continue }
            entries.append(try entry(header, directoryOffset: start))
        }
        guard cursor.remaining == 0 else {
            throw failure("zip directory", "\(cursor.remaining) bytes follow its last entry")
        }
        return entries
    }

    private func directory() throws -> Directory {
        guard let end = endRecord() else {
            throw failure(
                "",
                "has no end of a zip directory; the file is not a zip archive or is truncated; download it again"
            )
        }
        guard var cursor = ByteCursor(bytes, at: end + 4), let disk = cursor.integer(UInt16.self),
            let directoryDisk = cursor.integer(UInt16.self), let countOnDisk = cursor.integer(UInt16.self),
            let count = cursor.integer(UInt16.self), let byteCount = cursor.integer(UInt32.self),
            let offset = cursor.integer(UInt32.self)
        else { throw failure("end of zip directory", "is truncated") }
        let classic = Directory(
            count: UInt64(count), byteCount: UInt64(byteCount), offset: UInt64(offset), limit: end)
        guard load(UInt32.self, at: end - 20) == Signature.locator64 else {
            guard disk == 0, directoryDisk == 0, countOnDisk == count else {
                throw failure("end of zip directory", "multi-part archives are not supported")
            }
            return classic
        }
        let extended = try extendedDirectory(locator: end - 20)
        guard count == .max || extended.count == classic.count,
            byteCount == .max || extended.byteCount == classic.byteCount,
            offset == .max || extended.offset == classic.offset
        else { throw failure("end of zip directory", "its zip64 record disagrees") }
        return extended
    }

    /// The position of the end record, whose comment must fill the rest of the file.
    private func endRecord() -> Int? {
        guard bytes.count >= 22 else { return nil }
        let last = bytes.count - 22
        for position in stride(from: last, through: max(0, last - Int(UInt16.max)), by: -1)
        where bytes[position] == 0x50 && load(UInt32.self, at: position) == Signature.end {
            if let length = load(UInt16.self, at: position + 20), Int(length) == last - position {
                return position
            }
        }
        return nil
    }

    private func extendedDirectory(locator: Int) throws -> Directory {
        guard let position = load(UInt64.self, at: locator + 8), position <= UInt64(locator),
            var cursor = ByteCursor(bytes, at: Int(position)),
            cursor.integer(UInt32.self) == Signature.end64, cursor.take(12) != nil,
            let disk = cursor.integer(UInt32.self), let directoryDisk = cursor.integer(UInt32.self),
            let countOnDisk = cursor.integer(UInt64.self), let count = cursor.integer(UInt64.self),
            let byteCount = cursor.integer(UInt64.self), let offset = cursor.integer(UInt64.self)
        else { throw failure("zip64 end of directory", "is not where the archive says") }
        guard disk == 0, directoryDisk == 0, countOnDisk == count else {
            throw failure("zip64 end of directory", "multi-part archives are not supported")
        }
        return Directory(count: count, byteCount: byteCount, offset: offset, limit: Int(position))
    }

    /// The next header of the directory; nil if it is truncated.
    private func header(_ cursor: inout ByteCursor) throws -> Header? {
        var header = Header()
        guard cursor.integer(UInt32.self) == Signature.directoryHeader, cursor.take(4) != nil,
            let flags = cursor.integer(UInt16.self), let method = cursor.integer(UInt16.self),
            cursor.take(4) != nil, let checksum = cursor.integer(UInt32.self),
            let compressed = cursor.integer(UInt32.self), let uncompressed = cursor.integer(UInt32.self),
            let nameLength = cursor.integer(UInt16.self), let extraLength = cursor.integer(UInt16.self),
            let commentLength = cursor.integer(UInt16.self), cursor.take(8) != nil,
            let offset = cursor.integer(UInt32.self), let nameRange = cursor.take(nameLength),
            let extra = cursor.take(extraLength), cursor.take(commentLength) != nil
        else { return nil }
        header.flags = flags
        header.method = method
        header.checksum = checksum
        header.nameRange = nameRange
        header.name = try name(nameRange)
        // The zip64 field contains only the numbers whose header field is saturated, in this order.
        var extended = extendedField(cursor[extra])
        func widened(_ value: UInt32) -> UInt64? {
            value == .max ? extended?.integer(UInt64.self) : UInt64(value)
        }
        guard let uncompressed = widened(uncompressed), let compressed = widened(compressed),
            let offset = widened(offset)
        else { throw failure("entry '\(header.name)'", "lacks its zip64 sizes") }
        header.uncompressed = uncompressed
        header.compressed = compressed
        header.offset = offset
        return header
    }

    private func extendedField(_ extra: UnsafeRawBufferPointer) -> ByteCursor? {
        guard var cursor = ByteCursor(extra) else { return nil }
        while let tag = cursor.integer(UInt16.self), let length = cursor.integer(UInt16.self),
            let range = cursor.take(length)
        {
            if tag == 1 { return ByteCursor(UnsafeRawBufferPointer(rebasing: extra[range])) }
        }
        return nil
    }

    private func name(_ range: Range<Int>) throws -> String {
        guard let name = String(validating: bytes[range], as: UTF8.self) else {
            throw failure("zip directory", "an entry's name is not UTF-8")
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.isEmpty, !name.hasPrefix("/"), !parts.contains(".."),
            !name.utf8.contains(0), !name.utf8.contains(UInt8(ascii: "\\"))
        else {
            throw failure("entry \(name.debugDescription)", "is not a valid relative file name")
        }
        return name
    }

    private func entry(_ header: Header, directoryOffset: Int) throws -> ZipArchive.Entry {
        let place = "entry '\(header.name)'"
        guard header.flags & 0x2041 == 0 else { throw failure(place, "is encrypted") }
        guard header.method == 0 || header.method == 8 else {
            throw failure(
                place,
                "is compressed by method \(header.method); only stored and deflated entries are supported")
        }
        guard header.method == 8 || header.compressed == header.uncompressed else {
            throw failure(
                place, "is stored uncompressed, but has \(header.compressed) bytes for \(header.uncompressed)"
            )
        }
        // A deflated stream expands by at most a factor of 1032.
        guard header.uncompressed / 1032 <= header.compressed else {
            throw failure(
                place, "\(header.compressed) deflated bytes cannot hold \(header.uncompressed)")
        }
        guard header.offset <= UInt64(directoryOffset),
            var local = ByteCursor(bytes, at: Int(header.offset)),
            local.integer(UInt32.self) == Signature.localHeader, local.take(2) != nil,
            let flags = local.integer(UInt16.self), let method = local.integer(UInt16.self),
            local.take(4) != nil, let checksum = local.integer(UInt32.self),
            let compressed = local.integer(UInt32.self), let uncompressed = local.integer(UInt32.self),
            let nameLength = local.integer(UInt16.self), let extraLength = local.integer(UInt16.self),
            let nameRange = local.take(nameLength), local.take(extraLength) != nil
        else { throw failure(place, "has no header at byte \(header.offset)") }
        // With a data descriptor (bit 3), the local header was written before the sizes were known.
        func agrees(_ value: UInt32, _ other: UInt64) -> Bool {
            value == .max || UInt64(value) == other || (flags & 8 != 0 && value == 0)
        }
        guard method == header.method, bytes[nameRange].elementsEqual(bytes[header.nameRange]),
            agrees(compressed, header.compressed), agrees(uncompressed, header.uncompressed),
            checksum == header.checksum || (flags & 8 != 0 && checksum == 0)
        else { throw failure(place, "its header and the archive's directory disagree") }
        guard local.position <= directoryOffset,
            header.compressed <= UInt64(directoryOffset - local.position)
        else {
            throw failure(
                place, "\(header.compressed) bytes at \(local.position) extend into the archive's directory")
        }
        let end = local.position + Int(header.compressed)
        return ZipArchive.Entry(
            name: header.name, isDeflated: header.method == 8, checksum: header.checksum,
            range: local.position..<end, byteCount: Int(header.uncompressed),
            extent: Int(header.offset)..<end)
    }
}
