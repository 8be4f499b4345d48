import Support
import FixtureSupport
import Foundation
import Testing

@Suite struct AtomicFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
    func bytesArriveInOrder(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try AtomicFile.write(to: folder.file("a")) { file in
            for start in stride(from: 0, to: count, by: 70_001) {
                try file.write(Array(bytes[start..<min(start + 1, count)]))
                try file.write(Array(bytes[min(start + 1, count)..<min(start + 70_001, count)]))
            }
            #expect(file.position == count)
        }
        #expect(folder.bytes("a") == bytes)
        #expect(folder.names == ["a"])
    }

    @Test func anInterruptionLeavesTheOldFile() throws {
        try AtomicFile.write([1, 2, 3], to: folder.file("a"))
        struct Interruption: Error {}
        #expect(throws: Interruption.self) {
            try AtomicFile.write(to: folder.file("a")) { file in
                try file.write([UInt8](repeating: 0, count: 200_000))
                throw Interruption()
            }
        }
        #expect(folder.bytes("a") == [1, 2, 3])
        #expect(folder.names == ["a"])
    }

    @Test func failuresSayWhatAndWhy() throws {
        let absent = #expect(throws: FileFailure.self) { try AtomicFile.write([1], to: folder.file("no/a")) }
        #expect(absent?.reason.hasPrefix("cannot be created: No such file") == true)
        #expect(absent?.path == folder.file("no/a"))
        try FileManager.default.createDirectory(atPath: folder.file("d"), withIntermediateDirectories: true)
        let isFolder = #expect(throws: FileFailure.self) { try AtomicFile.write([1], to: folder.file("d")) }
        #expect(isFolder?.reason.hasPrefix("cannot be replaced: ") == true)
        #expect(folder.names == ["d"])
    }

    /// The record of a file of any name is a file that can be made, and no other file's.
    @Test("A19: names beside long names") func namesBesideLongNames() throws {
        #expect(FileName.companion(of: "a/r.json", ending: ".partial") == "a/r.json.partial")
        #expect(FileName.companion(of: "r.json", ending: ".partial") == "r.json.partial")
        let stem = folder.file(String(repeating: "\u{E9}", count: 124))
        var names: Set<String> = []
        for path in [stem + "1.json", stem + "2.json", stem + "1.json/"] {
            for ending in [".partial", ".progress"] {
                let name = FileName.companion(of: path, ending: ending)
                try AtomicFile.write([1], to: name)
                #expect(Path.parent(name) == folder.path && name.hasSuffix(ending))
                names.insert(name)
            }
        }
        #expect(names.count == 4 && folder.names.count == 4)
        let bare = FileName.companion(of: Path.name(stem + "1.json"), ending: ".partial")
        #expect(Path.join(folder.path, bare) == FileName.companion(of: stem + "1.json", ending: ".partial"))
    }

    /// What the user's mask forbids stays forbidden, and a new file is no more private than any other.
    @Test func permissionsFollowTheMask() throws {
        try AtomicFile.write([1], to: folder.file("a"))
        _ = FileManager.default.createFile(atPath: folder.file("b"), contents: nil)
        func permissions(_ name: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: folder.file(name))[.posixPermissions] as? Int
        }
        #expect(try permissions("a") == permissions("b"))
    }
}
