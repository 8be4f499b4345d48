import FixtureSupport
import Foundation
import Testing

@Suite struct TextFileTests {
    private func text(_ bytes: [UInt8]) throws -> TextFile {
        try bytes.withUnsafeBytes { bytes throws(FileFailure) in try TextFile(bytes, path: "a.txt") }
    }

    @Test(arguments: ["a\nb\n\nc", "a\r\nb\r\n\r\nc", "a\rb\r\rc\r", "a\r\nb\n\rc\n"])
    func linesEndInThreeWays(text: String) throws {
        #expect(try self.text(Array(text.utf8)).lines == ["a", "b", "", "c"])
    }

    @Test func noLineWithoutText() throws {
        #expect(try text([]).lines == [])
        #expect(try text(Array("\n".utf8)).lines == [""])
    }

    @Test func aMarkIsPassedOverAndRemarksDoNotCount() throws {
        let file = try text(
            [0xEF, 0xBB, 0xBF] + Array("# names\r\n  cat \r\n\r\n#tag\r\nred apple\u{A0}\r\n".utf8))
        #expect(file.text.unicodeScalars.first == "#")
        #expect(file.entries() == ["cat", "red apple"])
        #expect(file.entries(remarks: false) == ["# names", "cat", "#tag", "red apple"])
    }

    @Test(arguments: [
        ([0xFF, 0xFE, 0x61, 0, 0x0A, 0] as [UInt8], "is text in UTF-16, not UTF-8"),
        ([0xFE, 0xFF, 0, 0x61], "is text in UTF-16, not UTF-8"),
        ([0x63, 0, 0x61, 0, 0x74, 0], "is text in UTF-16, not UTF-8"),
        ([0, 0, 0xFE, 0xFF, 0, 0, 0, 0x61], "is text in UTF-32, not UTF-8"),
        (Array("cat\ncaf".utf8) + [0xE9, 0x0A], "is not UTF-8: line 2 has the byte 0xE9 at position 4"),
        (Array("é".utf8) + [0xC3], "is not UTF-8: line 1 has the byte 0xC3 at position 3"),
    ])
    func otherEncodingsAreNamed(bytes: [UInt8], reason: String) {
        let failure = #expect(throws: FileFailure.self) { try text(bytes) }
        #expect(failure?.reason == reason)
        #expect(failure?.description == "a.txt: \(reason); save it as UTF-8")
        #expect(failure?.exitStatus == .badData)
    }

    @Test func aMissingFileIsTheSystemsRefusal() {
        let failure = #expect(throws: FileFailure.self) { try TextFile(contentsOf: "/nowhere/names.txt") }
        #expect(failure?.reason == "cannot be opened: No such file or directory")
        #expect(failure?.exitStatus == .failure)
    }

    @Test func listsOfPaths() throws {
        func paths(_ bytes: [UInt8]) throws -> [String] {
            try bytes.withUnsafeBytes { bytes throws(FileFailure) in try PathList.paths(bytes, path: "-") }
        }
        #expect(try paths(Array("a.png\r\nb c.png\n\n".utf8)) == ["a.png", "b c.png"])
        #expect(try paths(Array("a\nb.png\0c.png\0".utf8)) == ["a\nb.png", "c.png"])
        #expect(try paths([0xEF, 0xBB, 0xBF] + Array("a.png".utf8)) == ["a.png"])
        #expect(
            try paths(Array("caf".utf8) + [0xE9, 0x0A]).map(\.pathBytes) == [[0x63, 0x61, 0x66, 0xE9]])
    }
}
