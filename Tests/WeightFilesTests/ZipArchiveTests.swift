import Foundation
import Testing

@testable import WeightFiles

@Suite struct ZipArchiveTests {
    func open(_ bytes: [UInt8]) throws -> ZipArchive {
        try ZipArchive(storage: TensorStorage(bytes), origin: "a.zip")
    }

    func contents(_ zip: ZipArchive, _ name: String) throws -> [UInt8] {
        try zip.contents(of: #require(zip[name])).withUnsafeBytes { Array($0) }
    }

    static let small: [(String, [UInt8])] = [
        ("a/one", [1, 2, 3]), ("a/empty", []), ("a/é", [UInt8](repeating: 7, count: 100)),
    ]

    @Test(arguments: [Int(UInt32.max), 50, 0]) func writtenArchivesAreReadAndAligned(threshold: Int) throws {
        let zip = try open(try TestArchive.zip(Self.small, zip64Threshold: threshold))
        #expect(zip.entries.map(\.name) == Self.small.map(\.0))
        for (name, bytes) in Self.small {
            #expect(try contents(zip, name) == bytes)
            let entry = try #require(zip[name])
            #expect(entry.range.lowerBound % 64 == 0)
        }
        #expect(zip["a/two"] == nil)
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = try TestArchive.zip(Self.small, zip64Threshold: 50)
        for length in 0..<bytes.count {
            #expect(throws: WeightFileError.self, "\(length) bytes") { try open(Array(bytes.prefix(length))) }
        }
    }

    /// Position of the `number`-th occurrence of a four-byte signature.
    func position(of signature: UInt32, in bytes: [UInt8], _ number: Int = 0) throws -> Int {
        let wanted = withUnsafeBytes(of: signature.littleEndian) { Array($0) }
        let all = bytes.indices.dropLast(3).filter { bytes[$0..<$0 + 4].elementsEqual(wanted) }
        return try #require(all.dropFirst(number).first)
    }

    func expectRefusal(_ words: String, _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation)
        throws
    {
        let error = try #require(throws: WeightFileError.self, sourceLocation: sourceLocation) {
            let zip = try open(bytes)
            for entry in zip.entries { _ = try zip.contents(of: entry) }
        }
        #expect("\(error)".contains(words), "\(error)", sourceLocation: sourceLocation)
    }

    @Test(arguments: ["../x", "/x", "a/../x", "a\\x", "a/..", ".."]) func waysOutOfAFolderAreRefused(
        name: String
    ) throws {
        try expectRefusal("not a valid relative file name", TestArchive.zip([(name, [])]))
    }

    @Test func headersThatLieAreRefused() throws {
        let bytes = try TestArchive.zip(Self.small)
        let directory = try position(of: 0x0201_4B50, in: bytes)
        let second = try position(of: 0x0201_4B50, in: bytes, 1)
        let end = try position(of: 0x0605_4B50, in: bytes)
        func changed(_ position: Int, _ values: UInt8...) -> [UInt8] {
            var bytes = bytes
            bytes.replaceSubrange(position..<position + values.count, with: values)
            return bytes
        }
        try expectRefusal("encrypted", changed(directory + 8, 1, 8))
        try expectRefusal("method 12", changed(directory + 10, 12))
        try expectRefusal("disagree", changed(directory + 16, 1, 2, 3, 4))
        try expectRefusal("stored uncompressed", changed(directory + 20, 2))
        try expectRefusal("has no header", changed(second + 42, 1))
        // The second entry says that it starts where the first does.
        try expectRefusal("disagree", changed(second + 42, 0))
        try expectRefusal("do not fit", changed(end + 8, 0xFF, 0x7F, 0xFF, 0x7F))
        try expectRefusal("broken or truncated", changed(end + 12, bytes[end + 12] - 1))
        try expectRefusal("follow its last entry", changed(end + 8, 2, 0, 2, 0))
        try expectRefusal("multi-part", changed(end + 4, 1))
        try expectRefusal("extend beyond", changed(end + 12, 0xFF, 0xFF, 0xFF, 0x7F))
        try expectRefusal("extend beyond", changed(end + 16, 0xFF, 0xFF, 0xFF, 0x7F))
        var damaged = bytes
        damaged[try #require(try open(bytes)["a/é"]).range.lowerBound] ^= 0x80
        try expectRefusal("'a/é': its contents do not match their checksum", damaged)
    }

    @Test func overlappingAndDoubledEntriesAreRefused() throws {
        try expectRefusal("occurs twice", TestArchive.zip([("a", [1]), ("a", [2])]))
        // A whole archive as the contents of an entry: its inner header is named as a second entry.
        let inner = try TestArchive.zip([("b", [1, 2])])
        var bytes = try TestArchive.zip([("a", inner), ("b", [1, 2])])
        let header = try position(of: 0x0201_4B50, in: bytes, 2)
        let start = try #require(try open(bytes)["a"]).range.lowerBound
        bytes.replaceSubrange(
            header + 42..<header + 46, with: withUnsafeBytes(of: UInt32(start)) { Array($0) })
        try expectRefusal("inside of entry 'a'", bytes)
    }

    @Test func deflatedEntriesAreHeldToTheirSize() throws {
        let fixture = try RecordedForms.fixture()
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: fixture.path("deflated.pt"))))
        let zip = try open(bytes)
        let entry = try #require(zip.entries.first { $0.isDeflated && $0.name.hasSuffix("data/0") })
        #expect(entry.byteCount == 160)
        // The sizes in the directory and in the local header, so that they agree.
        let name = Array(entry.name.utf8)
        let places = bytes.indices.dropLast(name.count).filter {
            bytes[$0..<$0 + name.count].elementsEqual(name)
        }
        try #require(places.count == 2)
        for (size, reason) in [(UInt32(159), "broken"), (161, "broken"), (1 << 30, "cannot hold")] {
            var changed = bytes
            let value = withUnsafeBytes(of: size.littleEndian) { Array($0) }
            changed.replaceSubrange(places[0] - 8..<places[0] - 4, with: value)
            changed.replaceSubrange(places[1] - 22..<places[1] - 18, with: value)
            try expectRefusal(reason, changed)
        }
        var changed = bytes
        changed[entry.range.lowerBound] = 0xFF
        try expectRefusal("broken", changed)
    }

    @Test func whatIsNoArchiveIsSaid() throws {
        try expectRefusal("no end of a zip directory", [UInt8](repeating: 0x50, count: 100_000))
        try expectRefusal("no end of a zip directory", [])
    }
}
