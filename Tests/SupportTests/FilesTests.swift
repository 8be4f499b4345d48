import FixtureSupport
import Foundation
import Testing

@Suite struct FilesTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    // MARK: Names

    @Test func aFileWhoseNameIsNoTextIsFoundReadAndWritten() throws {
        let name = String(pathBytes: [0x63, 0xE9, 0x2E, 0x70])
        try AtomicFile.write([1, 2], to: Path.join(folder.path, name))
        #expect(try Folder.names(in: folder.path) == [name])
        #expect(try FileBytes(contentsOf: Path.join(folder.path, name)).array == [1, 2])
        #expect(FileStatus(Path.join(folder.path, name))?.byteCount == 2)
    }

    @Test func paths() {
        #expect(Path.join("a", "b") == "a/b" && Path.join("a/", "b") == "a/b" && Path.join("a", "/b") == "/b")
        #expect(
            Path.name("a/b.PNG/") == "b.PNG" && Path.suffix("a/b.PNG") == "png" && Path.suffix("a/.png") == ""
        )
        #expect(Path.parent("a/b") == "a" && Path.parent("a") == "." && Path.parent("/a") == "/")
        #expect(Path.stem("a/b.c.d") == "b.c" && Path.stem(".a") == ".a")
        #expect(
            Path.normalized("./a//b/./c/") == "a/b/c" && Path.normalized("./") == "."
                && Path.normalized("//a") == "/a")
        #expect(Path.absolute("./a") == Path.absolute("a") && Path.absolute("a").hasSuffix("/a"))
    }

    // MARK: Whole files

    /// File systems take names of 255 bytes, and a name of that length needs a shorter one while it is written.
    @Test(arguments: ["a", "é", "猫"]) func namesOf255Bytes(letter: String) throws {
        let count = 255 / letter.utf8.count
        let name =
            String(repeating: letter, count: count)
            + String(repeating: "b", count: 255 - count * letter.utf8.count)
        try AtomicFile.write([1], to: Path.join(folder.path, name))
        #expect(try Folder.names(in: folder.path) == [name])
    }

    @Test func aLinkStaysALink() throws {
        try AtomicFile.write("old", to: folder.file("real"))
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "real")
        try AtomicFile.write("new", to: folder.file("link"))
        #expect(folder.bytes("real") == Array("new".utf8))
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link")) == "real")
        #expect(folder.names.sorted() == ["link", "real"])
    }

    @Test func aPrivateFileStaysPrivate() throws {
        try AtomicFile.write("old", to: folder.file("a"))
        #expect(chmod(folder.file("a"), 0o600) == 0)
        try AtomicFile.write("new", to: folder.file("a"))
        let mode =
            try FileManager.default.attributesOfItem(atPath: folder.file("a"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func devicesAreWrittenTo() throws {
        try AtomicFile.write("x", to: "/dev/null")
        #expect(FileStatus("/dev/null")?.kind == .device)
        let failure = #expect(throws: FileFailure.self) { try AtomicFile.write("x", to: "/dev/full") }
        #expect(failure?.reason == "cannot be written: No space left on device")
    }

    // MARK: Reading

    @Test(arguments: [FileBytes.Access.mapped, .mappedCopyOnWrite, .read], [0, 1, 100_000])
    func bytesOfFilesAndPipes(access: FileBytes.Access, count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try AtomicFile.write(bytes, to: folder.file("a"))
        #expect(try FileBytes(contentsOf: folder.file("a"), access: access).array == bytes)
        guard count > 0 else { return }
        let pipe = Pipe()
        let writing = Thread {
            try? pipe.fileHandleForWriting.write(contentsOf: Data(bytes));
            try? pipe.fileHandleForWriting.close()
        }
        writing.start()
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        #expect(try FileBytes(contentsOf: path, access: access).array == bytes)
    }

    @Test(.timeLimit(.minutes(1))) func aPipeWithoutWriterIsNotWaitedFor() throws {
        try #require(mkfifo(folder.file("pipe"), 0o600) == 0)
        let failure = #expect(throws: FileFailure.self) { try FileBytes(contentsOf: folder.file("pipe")) }
        #expect(failure?.reason.hasSuffix("without a writer") == true)
    }

    @Test func limitsAndFolders() throws {
        try AtomicFile.write([1, 2, 3], to: folder.file("a"))
        let excess = #expect(throws: FileFailure.self) {
            try FileBytes(contentsOf: folder.file("a"), access: .read, limit: 2, limitName: "most")
        }
        #expect(excess?.reason == "its 3 bytes exceed the limit of 2 (most)")
        let isFolder = #expect(throws: FileFailure.self) { try FileBytes(contentsOf: folder.path) }
        #expect(isFolder?.exitStatus == .failure)
        let isFile = #expect(throws: FileFailure.self) { try Folder.make(folder.file("a/b")) }
        #expect(isFile?.path == folder.file("a") && isFile?.reason == "is a file, not a folder")
        try Folder.make(folder.file("b/c"))
        #expect(FileStatus(folder.file("b/c"))?.kind == .folder)
    }

    // MARK: Identity and locks

    @Test func anOutputIsKnownAsAnInputByAnyName() throws {
        try AtomicFile.write("a", to: folder.file("a"))
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "a")
        try FileManager.default.linkItem(atPath: folder.file("a"), toPath: folder.file("hard"))
        let inputs = OutputGuard([folder.file("a"), folder.file("absent"), nil, "/dev/null"])
        for name in ["a", "link", "hard", "./a", "../\(Path.name(folder.path))/a"] {
            let failure = #expect(throws: FileFailure.self) { try inputs.check(folder.file(name)) }
            #expect(failure?.exitStatus == .usage && failure?.subject == folder.file(name))
            #expect(
                failure?.reason.contains(name == "a" ? "is read:" : "is \(folder.file("a")), which") == true)
        }
        for other in [folder.file("absent"), "/dev/null", "-", nil] { try inputs.check(other) }
    }

    /// Of a model's folder nothing may be written in it; of a model's file neither it nor what belongs to it.
    @Test func nothingIsWrittenIntoAModel() throws {
        for name in ["clip/model.safetensors", "clip/merges.txt", "beside/a.json"] {
            try Folder.make(Path.parent(folder.file(name)))
            try AtomicFile.write("a", to: folder.file(name))
        }
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "clip")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("weights"), withDestinationPath: "clip/model.safetensors")
        let ofFolder = OutputGuard([], models: [folder.file("clip")])
        for name in [
            "clip", "clip/model.safetensors", "clip/new", "clip/a/b/new", "link", "link/new", "weights",
            "beside/../clip/new",
        ] {
            #expect(throws: FileFailure.self) { try ofFolder.check(folder.file(name)) }
        }
        for name in ["new", "clip.safetensors", "beside/new", "beside/a.json"] {
            try ofFolder.check(folder.file(name))
        }
        #expect(throws: FileFailure.self) { try ofFolder.check(additionsTo: folder.file("clip/new")) }
        try ofFolder.check(additionsTo: folder.file("beside"))
        let ofFile = OutputGuard([], models: [folder.file("clip/model.safetensors")])
        for name in ["clip/model.safetensors", "weights", "link/merges.txt"] {
            #expect(throws: FileFailure.self) { try ofFile.check(folder.file(name)) }
        }
        try ofFile.check(folder.file("clip/new"))
    }

    /// Two outputs of one run under one path, there or not yet.
    @Test func oneFileForTwoOutputs() throws {
        try AtomicFile.write("a", to: folder.file("there"))
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "there")
        try Folder.make(folder.file("sub"))
        for (one, other) in [
            ("there", "there"), ("there", "link"), ("new", "new"), ("new", "sub/../new"), ("new", "./new"),
            ("none/new", "none/./new"),
        ] {
            let failure = #expect(throws: FileFailure.self, "\(one) \(other)") {
                try OutputGuard.checkDistinct([folder.file(one), nil, folder.file(other)])
            }
            #expect(failure?.exitStatus == .usage && failure?.reason.contains("two outputs") == true)
        }
        try OutputGuard.checkDistinct([folder.file("there"), folder.file("new"), folder.file("sub/new")])
        try OutputGuard.checkDistinct(["/dev/null", "/dev/null", "-", "-", nil])
    }

    /// Links in what leads to a file are resolved, there or not yet.
    @Test func resolvedPaths() throws {
        try Folder.make(folder.file("real/sub"))
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "real")
        let real = Path.resolved(folder.file("real"))
        #expect(Path.resolved(folder.file("link/sub")) == real + "/sub")
        #expect(Path.resolved(folder.file("link/new/file")) == real + "/new/file")
        #expect(Path.resolved("/none/x") == "/none/x")
    }

    /// Files below a folder: hidden ones are told, links are followed once, and circles end.
    @Test func filesBelowAFolder() throws {
        for name in ["b", "a/c", ".hidden/d", "._b", "a/.e"] { try folder.write("", name) }
        try FileManager.default.createSymbolicLink(atPath: folder.file("a/circle"), withDestinationPath: "..")
        try FileManager.default.createSymbolicLink(atPath: folder.file("other"), withDestinationPath: "a")
        var passed: [String] = []
        let files = try Folder.files(below: folder.path) { passed.append($0 + ($1 ? "/" : "")) }
        #expect(files == ["a/c", "b"])
        #expect(passed.sorted() == ["._b", ".hidden/", "a/.e"])
    }

    /// A second run is refused at its start, not when its files are ready; a run that is given up leaves nothing.
    @Test func aNewFolderIsMadeByOneRun() throws {
        let path = folder.file("new")
        do {
            let first = try NewFolder(path: path)
            let failure = #expect(throws: FileFailure.self) { _ = try NewFolder(path: path) }
            #expect(failure?.reason == "is in use by another run (process \(getpid()))")
            try first.write("text", to: "a/b")
            #expect(folder.namesOf("new") == [".running"])
            try first.finish()
        }
        #expect(folder.namesOf("new") == ["a"] && folder.names == ["new"])
        let full = #expect(throws: FileFailure.self) { _ = try NewFolder(path: path) }
        #expect(full?.reason.contains("not empty") == true && folder.namesOf("new") == ["a"])
        do { _ = try NewFolder(path: folder.file("given up")) }
        #expect(folder.names == ["new"])
        try Folder.make(folder.file("empty"))
        let again = try NewFolder(path: folder.file("empty"))
        try again.write("x", to: "x")
        try again.finish()
        #expect(folder.namesOf("empty") == ["x"])
    }

    @Test func aFolderIsLockedOnce() throws {
        var lock: FolderLock? = try FolderLock(folder: folder.path)
        let failure = #expect(throws: FileFailure.self) { try FolderLock(folder: folder.path) }
        #expect(failure?.reason == "is in use by another run (process \(getpid()))")
        #expect(lock != nil)
        lock = nil
        #expect(folder.names == [])
        _ = try FolderLock(folder: folder.path)
    }
}
