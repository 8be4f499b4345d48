import FixtureSupport
import Foundation
import Testing

@testable import Support

/// Programs that are started get the bytes of their words.
@Suite struct ChildProgramTests {
    @Test("A20: words of programs") func wordsKeepTheirBytes() throws {
        let pipe = try PipeEnds()
        let word = String(pathBytes: [0x63, 0xE9, 0xFF, 0x2E])
        let program = try ChildProgram(
            "/bin/sh", ["-c", "printf %s \"$1\"; exit 3", "sh", word], output: pipe.writing.fileDescriptor)
        try pipe.writing.close()
        #expect(try pipe.reading.readToEnd() == Data([0x63, 0xE9, 0xFF, 0x2E]))
        #expect(program.wait() == 3)
        program.stop()
        let sleeping = try ChildProgram("/bin/sh", ["-c", "sleep 60"])
        sleeping.stop()
        #expect(sleeping.wait() == 128 + 15)
        let error = #expect(throws: FileFailure.self) { try ChildProgram("/nowhere/program", []) }
        #expect(error?.description.contains("/nowhere/program: cannot be started: No such file") == true)
    }

    @Test func variablesKeepTheirBytes() throws {
        let pipe = try PipeEnds()
        let word = String(pathBytes: [0x63, 0xE9])
        let program = try ChildProgram(
            "/bin/sh", ["-c", "printf %s \"$WORD\""], environment: ["WORD": word],
            output: pipe.writing.fileDescriptor)
        try pipe.writing.close()
        #expect(try pipe.reading.readToEnd() == Data([0x63, 0xE9]))
        #expect(program.wait() == 0)
    }

    /// Also where SIGPIPE has its usual effect.
    @Test func aPipeWithoutReaderIsAnError() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            let pipe = try PipeEnds()
            try pipe.reading.close()
            let code = [UInt8](repeating: 0, count: 10).withUnsafeBytes {
                Descriptor.write($0, to: pipe.writing.fileDescriptor)
            }
            try #require(code == EPIPE)
            var pending = sigset_t()
            sigpending(&pending)
            try #require(sigismember(&pending, SIGPIPE) == 0)
        }
    }

    @Test("A20: addresses of files") func addressesOfFiles() {
        let name = String(pathBytes: [0x61, 0x20, 0xE9, 0x25])
        #expect(
            name.percentEncodedPath() == "a%20%E9%25"
                && "ü&/".percentEncodedPath(keeping: "/") == "%C3%BC%26/")
        #expect("a%20%e9%25".percentDecodedPath == name && "100%.png".percentDecodedPath == nil)
        #expect("a%2".percentDecodedPath == nil && "a%00".percentDecodedPath == nil)
    }
}

@Suite struct PathTextTests {
    /// Every name comes back byte by byte, also one that uses the characters which stand for bytes.
    @Test(arguments: [
        Array("plain.png".utf8), Array("caf\u{E9}.png".utf8),
        [0x63, 0x61, 0x66, 0xE9, 0x2E, 0x70, 0x6E, 0x67],
        [0xFF], [0xF4, 0x8F, 0xBF, 0xA9], [0x61, 0xF4, 0x8F, 0xBF, 0xA9, 0xE2, 0x82], [0xED, 0xA0, 0x80], [],
    ]) func roundTrip(_ bytes: [UInt8]) {
        let name = String(pathBytes: bytes)
        #expect(name.pathBytes == bytes)
        #expect(
            name.withPathPointer { [UInt8](UnsafeRawBufferPointer(start: $0, count: strlen($0))) } == bytes)
        #expect(name.displayedPath == String(decoding: bytes, as: UTF8.self))
        if let text = String(validating: bytes, as: UTF8.self), bytes.first != 0xF4, bytes.count < 9 {
            if !bytes.contains(0xF4) { #expect(name == text) }
        }
    }

    @Test func bytesThatAreNoTextKeepNamesApart() {
        #expect(String(pathBytes: [0xE8]) != String(pathBytes: [0xE9]))
    }

    @Test func aFolderIsListedByBytes() throws {
        let folder = try TemporaryFolder()
        for name in ["b", "a", "B", ".h"] { try folder.write("", name) }
        try folder.write("", "c/d")
        try #require(symlink("c", folder.file("link")) == 0)
        let raw = (folder.file("").utf8CString.dropLast() + [CChar(bitPattern: 0xE9), 0])
        let descriptor = raw.withUnsafeBufferPointer { open($0.baseAddress!, O_CREAT | O_WRONLY, 0o666) }
        try #require(descriptor >= 0)
        close(descriptor)
        let entries = try FolderEntry.all(in: folder.path)
        #expect(
            entries.map { $0.name.pathBytes }
                == [".h", "B", "a", "b", "c", "link"].map { Array($0.utf8) } + [[0xE9]])
        #expect(entries.filter(\.isFolder).map(\.name) == ["c", "link"])
        #expect(
            FolderEntry.identity(ofFolder: folder.file("c"))
                == FolderEntry.identity(ofFolder: folder.file("link")))
        #expect(throws: FileFailure.self) { try FolderEntry.all(in: folder.file("gone")) }
    }
}
