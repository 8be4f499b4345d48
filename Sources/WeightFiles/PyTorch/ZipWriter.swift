import Support

/// Writes a zip archive of stored, aligned entries, as PyTorch's reader expects them.
struct ZipWriter: ~Copyable {
    private struct Entry {
        let name: String
        let checksum: UInt32
        let byteCount: Int
        let offset: Int
    }

    /// The alignment of every entry's bytes (PyTorch's own).
    static let alignment = 64

    private var entries: [Entry] = []

    /// Sizes and offsets from here on are written in zip64 fields. Tests use a lower value, so that they need no files
    /// of 4 GB.
    private let zip64Threshold: Int

    init(zip64Threshold: Int = Int(UInt32.max)) { self.zip64Threshold = zip64Threshold }

    /// Appends an entry.
    mutating func add(_ name: String, _ bytes: UnsafeRawBufferPointer, to file: inout AtomicFile) throws {
        let entry = Entry(
            name: name, checksum: CRC32.checksum(bytes), byteCount: bytes.count, offset: file.position)
        entries.append(entry)
        let isLarge = bytes.count >= zip64Threshold
        var extra: [UInt8] = []
        if isLarge {
            extra.appendInteger(UInt16(1))
            extra.appendInteger(UInt16(16))
            extra.appendInteger(UInt64(bytes.count))
            extra.appendInteger(UInt64(bytes.count))
        }
        // A padding field with PyTorch's tag, whose header takes 4 bytes.
        let start = file.position + 30 + name.utf8.count + extra.count + 4
        let padding = (Self.alignment - start % Self.alignment) % Self.alignment
        extra.appendInteger(UInt16(0x4246))
        extra.appendInteger(UInt16(padding))
        extra += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
        var header: [UInt8] = []
        header.appendInteger(UInt32(0x0403_4B50))
        header.appendInteger(UInt16(isLarge ? 45 : 20))
        header += commonFields(of: entry, saturated: isLarge, extraLength: extra.count)
        header += name.utf8
        header += extra
        try file.write(header)
        try file.write(bytes)
    }

    /// The fields shared by the local header and the directory, from the flags to the extra field's length.
    private func commonFields(of entry: Entry, saturated: Bool, extraLength: Int) -> [UInt8] {
        let size = saturated ? UInt32.max : UInt32(entry.byteCount)
        var fields: [UInt8] = []
        fields.appendInteger(UInt16(0x0800))  // Names are UTF-8.
        fields.appendInteger(UInt16(0))  // Stored.
        fields.appendInteger(UInt16(0))
        fields.appendInteger(UInt16(0x0021))  // 1 January 1980, so that the same weights give the same file.
        fields.appendInteger(entry.checksum)
        fields.appendInteger(size)
        fields.appendInteger(size)
        fields.appendInteger(UInt16(entry.name.utf8.count))
        fields.appendInteger(UInt16(extraLength))
        return fields
    }

    /// Appends the directory, which ends the archive.
    consuming func finish(_ file: inout AtomicFile) throws {
        let start = file.position
        for entry in entries { try file.write(directoryHeader(entry)) }
        let byteCount = file.position - start
        var end: [UInt8] = []
        let needsZip64 =
            entries.count >= Int(UInt16.max) || start >= zip64Threshold || byteCount >= zip64Threshold
        if needsZip64 {
            end.appendInteger(UInt32(0x0606_4B50))
            end.appendInteger(UInt64(44))
            end.appendInteger(UInt16(45))
            end.appendInteger(UInt16(45))
            end.appendInteger(UInt32(0))
            end.appendInteger(UInt32(0))
            end.appendInteger(UInt64(entries.count))
            end.appendInteger(UInt64(entries.count))
            end.appendInteger(UInt64(byteCount))
            end.appendInteger(UInt64(start))
            end.appendInteger(UInt32(0x0706_4B50))
            end.appendInteger(UInt32(0))
            end.appendInteger(UInt64(file.position))
            end.appendInteger(UInt32(1))
        }
        end.appendInteger(UInt32(0x0605_4B50))
        end.appendInteger(UInt16(0))
        end.appendInteger(UInt16(0))
        let count = needsZip64 ? UInt16.max : UInt16(entries.count)
        end.appendInteger(count)
        end.appendInteger(count)
        end.appendInteger(needsZip64 ? UInt32.max : UInt32(byteCount))
        end.appendInteger(needsZip64 ? UInt32.max : UInt32(start))
        end.appendInteger(UInt16(0))
        try file.write(end)
    }

    private func directoryHeader(_ entry: Entry) -> [UInt8] {
        var extra: [UInt8] = []
        let isLarge = entry.byteCount >= zip64Threshold
        let isFar = entry.offset >= zip64Threshold
        if isLarge || isFar {
            extra.appendInteger(UInt16(1))
            extra.appendInteger(UInt16((isLarge ? 16 : 0) + (isFar ? 8 : 0)))
            if isLarge {
                extra.appendInteger(UInt64(entry.byteCount))
                extra.appendInteger(UInt64(entry.byteCount))
            }
            if isFar { extra.appendInteger(UInt64(entry.offset)) }
        }
        var header: [UInt8] = []
        header.appendInteger(UInt32(0x0201_4B50))
        header.appendInteger(UInt16(45))
        header.appendInteger(UInt16(isLarge || isFar ? 45 : 20))
        header += commonFields(of: entry, saturated: isLarge, extraLength: extra.count)
        header.appendInteger(UInt16(0))
        header.appendInteger(UInt16(0))
        header.appendInteger(UInt16(0))
        header.appendInteger(UInt32(0))
        header.appendInteger(isFar ? UInt32.max : UInt32(entry.offset))
        header += entry.name.utf8
        header += extra
        return header
    }
}
