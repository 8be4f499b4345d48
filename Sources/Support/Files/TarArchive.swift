import Foundation
import Synchronization

/// The files in a tar archive, read where they lie: nothing is unpacked.
///
/// ustar, GNU's long names and sizes, and pax headers are understood. Folders, links, devices and sparse files are counted, not
/// listed. Of files with one name the last counts, as when an archive is unpacked.
///
/// A member is named by a path like that of a file in a folder: `shards/000.tar/cat.jpg`. ``member(_:)`` finds it.
package final class TarArchive: Sendable {
    /// A file in an archive.
    package struct Member: Sendable, Hashable {
        /// Its name in the archive, without a slash or `./` at its beginning.
        package let name: String

        /// The place of its first byte.
        let offset: Int

        /// Its length in bytes.
        package let byteCount: Int
    }

    /// The path of the archive.
    package let path: String

    /// The files, in the order of the archive.
    package let members: [Member]

    /// The number of entries that are not files.
    package let others: Int

    private let places: [String: Int]
    private let descriptor: Int32
    private let state: FileState

    /// What tells whether the file at a path is still the one that was opened.
    private struct FileState: Hashable {
        let identity: FileIdentity
        let byteCount: Int
        let modification: Int64

        init(_ status: FileStatus) {
            (identity, byteCount, modification) = (status.identity, status.byteCount, status.modification)
        }
    }

    /// Opens an archive and reads the headers of its entries.
    ///
    /// - Throws: ``FileFailure`` for a file that cannot be read, is no tar archive, or is damaged or cut off.
    package init(contentsOf path: String) throws(FileFailure) {
        self.path = path
        let descriptor = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileFailure(path, "cannot be opened") }
        guard let status = FileStatus(descriptor: descriptor), status.kind == .file else {
            close(descriptor)
            throw FileFailure(path, reason: "is not an ordinary file, of which parts could be read")
        }
        do { (members, others) = try Self.scan(descriptor, path, status.byteCount) } catch {
            close(descriptor)
            throw error
        }
        places = Dictionary(members.enumerated().map { ($1.name, $0) }) { $1 }
        self.descriptor = descriptor
        state = FileState(status)
    }

    deinit { close(descriptor) }

    /// The bytes of a file in the archive.
    ///
    /// - Throws: ``FileFailure`` when there is no file of this name, it is longer than `limit`, or it cannot be read.
    package func bytes(of name: String, limit: Int = .max, limitName: String = "") throws(FileFailure)
        -> [UInt8]
    {
        let whole = "\(path)/\(name)"
        guard let place = places[Self.normalized(name)] else {
            throw FileFailure(whole, reason: "there is no such file in the archive", exitStatus: .failure)
        }
        let member = members[place]
        guard member.byteCount <= limit else {
            throw FileFailure(
                whole,
                reason: "its \(member.byteCount) bytes exceed the limit of \(limit)"
                    + (limitName.isEmpty ? "" : " (\(limitName))"))
        }
        guard let bytes = Self.read(descriptor, member.byteCount, at: member.offset) else {
            throw FileFailure(whole, reason: "cannot be read from the archive")
        }
        return bytes
    }

    // MARK: Members by path

    /// The archives that are open, the one used last at the end.
    private static let opened = Mutex<[TarArchive]>([])

    /// Archives that stay open: several are read at once, at the border of two.
    private static let mostOpened = 4

    /// Whether a name is that of an archive.
    package static func isArchive(_ path: String) -> Bool { Path.suffix(path) == "tar" }

    /// The archive that a path leads into: of `a/b.tar/c.jpg` `a/b.tar`, if that is a file. Nil for all other paths.
    package static func archive(in path: String) -> (archive: String, name: String)? {
        guard path.utf8.count > 5, path.contains(".tar/") else { return nil }
        var start = path.startIndex
        while let found = path.range(of: ".tar/", range: start..<path.endIndex) {
            let slash = path.index(before: found.upperBound)
            let archive = String(path[..<slash])
            if FileStatus(archive)?.kind == .file { return (archive, String(path[found.upperBound...])) }
            start = found.upperBound
        }
        return nil
    }

    /// The archive at a path, opened once by all that read from it.
    ///
    /// - Throws: As ``init(contentsOf:)``.
    package static func shared(_ path: String) throws(FileFailure) -> TarArchive {
        let state = FileStatus(path).map(FileState.init)
        let known = opened.withLock { opened -> TarArchive? in
            guard let place = opened.firstIndex(where: { $0.path == path && $0.state == state }) else {
                return nil
            }
            let archive = opened.remove(at: place)
            opened.append(archive)
            return archive
        }
        if let known { return known }
        let archive = try TarArchive(contentsOf: path)
        opened.withLock { opened in
            opened.removeAll { $0.path == path }
            opened.append(archive)
            if opened.count > mostOpened { opened.removeFirst() }
        }
        return archive
    }

    /// A name without a slash at its beginning, `.` and repeated slashes, as paths are compared.
    private static func normalized(_ name: String) -> String {
        let name = Path.normalized(name)
        return name.hasPrefix("/") ? String(name.dropFirst()) : name
    }

    // MARK: Headers

    private static func read(_ descriptor: Int32, _ count: Int, at offset: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                pread(
                    descriptor, $0.baseAddress.map { $0 + done }, min(count - done, 1 << 30),
                    off_t(offset + done))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            done += got
        }
        return bytes
    }

    private static let block = 512

    /// The longest name or pax header that is read.
    private static let longestHeader = 1 << 20

    private static func scan(_ descriptor: Int32, _ path: String, _ size: Int) throws(FileFailure) -> (
        [Member], Int
    ) {
        func failure(_ reason: String) -> FileFailure { FileFailure(path, reason: reason) }
        var members: [Member] = []
        var others = 0
        var position = 0
        var longName: String?
        var longSize: Int?
        while position + block <= size {
            guard let header = read(descriptor, block, at: position) else {
                throw failure("cannot be read at byte \(position)")
            }
            // Zeros end an archive; without them it ends with the file.
            if header.allSatisfy({ $0 == 0 }) { return (members, others) }
            guard isHeader(header) else {
                guard position == 0 else {
                    throw failure("is damaged: there is no header at byte \(position)")
                }
                throw FileFailure(
                    path,
                    reason: header.starts(with: [0x1F, 0x8B])
                        || header.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
                        ? "is compressed, so its files cannot be found" : "is not a tar archive",
                    advice: header.starts(with: [0x1F, 0x8B])
                        || header.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
                        ? "decompress it: pictures are compressed already" : nil)
            }
            let kind = header[156]
            let ownSize = number(header[124..<136])
            let isExtension = [UInt8(ascii: "L"), UInt8(ascii: "K"), UInt8(ascii: "x"), UInt8(ascii: "g")]
                .contains(kind)
            guard let count = isExtension ? ownSize : longSize ?? ownSize, count <= size else {
                throw failure("is damaged: the header at byte \(position) has no size")
            }
            let contents = position + block
            guard contents + count <= size else {
                throw failure(
                    "is cut off: the entry at byte \(position) has \(count) bytes, which are not all there")
            }
            position = contents + (count + block - 1) / block * block
            if isExtension {
                guard kind != UInt8(ascii: "g"), kind != UInt8(ascii: "K") else { continue }
                guard count <= longestHeader, let text = read(descriptor, count, at: contents) else {
                    throw failure("is damaged: the header at byte \(contents - block) is \(count) bytes long")
                }
                if kind == UInt8(ascii: "L") {
                    longName = String(pathBytes: text.prefix { $0 != 0 })
                } else {
                    let records = paxRecords(text)
                    if let name = records["path"] { longName = String(pathBytes: name) }
                    if let size = records["size"] { longSize = Int(String(decoding: size, as: UTF8.self)) }
                }
                continue
            }
            let isFile = [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(kind)
            let name = longName ?? shortName(header)
            (longName, longSize) = (nil, nil)
            guard isFile, !name.isEmpty, !name.hasSuffix("/") else {
                others += 1
                continue
            }
            members.append(Member(name: normalized(name), offset: contents, byteCount: count))
        }
        guard position >= size else { throw failure("is cut off inside a header, at byte \(position)") }
        return (members, others)
    }

    /// Whether a block has the sum that a header states of itself.
    private static func isHeader(_ bytes: [UInt8]) -> Bool {
        guard let stated = number(bytes[148..<156]) else { return false }
        let sum = bytes.enumerated().reduce(0) { sum, byte in
            sum + ((148..<156).contains(byte.offset) ? 0x20 : Int(byte.element))
        }
        return sum == stated
    }

    /// An octal number, or one of GNU's in base 256.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if let first = field.first, first & 0x80 != 0 {
            guard first == 0x80 else { return nil }
            return field.dropFirst().reduce(Int?.some(0)) { value, byte in
                guard let value, value < Int.max >> 9 else { return nil }
                return value << 8 | Int(byte)
            }
        }
        let digits = field.drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        guard !digits.isEmpty else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: 8)
    }

    private static func shortName(_ header: [UInt8]) -> String {
        let name = Array(header[0..<100].prefix { $0 != 0 })
        let prefix = Array(header[345..<500].prefix { $0 != 0 })
        // POSIX's magic ends with a zero; GNU's, which has other things in the place of the prefix, with a space.
        let isUstar = header[257..<263].elementsEqual("ustar\0".utf8)
        return String(pathBytes: isUstar && !prefix.isEmpty ? prefix + [0x2F] + name : name)
    }

    /// Lines of the form `LENGTH KEY=VALUE`.
    private static func paxRecords(_ text: [UInt8]) -> [String: [UInt8]] {
        var records: [String: [UInt8]] = [:]
        var rest = text[...]
        while let space = rest.firstIndex(of: 0x20),
            let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
            length > space - rest.startIndex + 1,
            length <= rest.count
        {
            let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
            if let equals = record.firstIndex(of: 0x3D) {
                records[String(decoding: record[..<equals], as: UTF8.self)] = Array(record[(equals + 1)...])
            }
            rest = rest[(rest.startIndex + length)...]
        }
        return records
    }
}
