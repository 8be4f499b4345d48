import FixtureSupport
import Foundation
import Support
import Testing

@Suite struct TarArchiveTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func text(_ archive: TarArchive, _ name: String) throws -> String {
        String(decoding: try archive.bytes(of: name), as: UTF8.self)
    }

    private func reason(_ path: String) -> String {
        do {
            _ = try TarArchive(contentsOf: path)
            return "nothing"
        } catch { return error.description.replacing(folder.path + "/", with: "") }
    }

    /// What the programs of the system write, in all forms that name long paths.
    @Test(arguments: ["ustar", "gnu", "pax", "v7"]) func formsOfTar(_ form: String) throws {
        let long = form == "v7" ? "short" : String(repeating: "a", count: 90)
        let deep = form == "v7" ? "b.jpg" : "\(String(repeating: "b", count: 80)).jpg"
        try folder.write("one", "in/1.jpg")
        try folder.write(String(repeating: "x", count: 1024), "in/\(long)/\(deep)")
        try folder.write("", "in/empty.txt")
        let made = Process()
        made.executableURL = URL(filePath: "/bin/sh")
        made.arguments = [
            "-c", "cd \"$0/in\" && ln -s 1.jpg link.jpg && tar --format=\(form) -cf ../a.tar .", folder.path,
        ]
        try made.run()
        made.waitUntilExit()
        try #require(made.terminationStatus == 0)
        let archive = try TarArchive(contentsOf: folder.file("a.tar"))
        #expect(Set(archive.members.map(\.name)) == ["1.jpg", "\(long)/\(deep)", "empty.txt"])
        #expect(try text(archive, "1.jpg") == "one")
        #expect(try text(archive, "./1.jpg") == "one")
        #expect(try text(archive, "\(long)/\(deep)") == String(repeating: "x", count: 1024))
        #expect(try text(archive, "empty.txt") == "")
        // Two folders and a link.
        #expect(archive.others == 3)
    }

    /// pax's and GNU's names and sizes, by hand; of one name the last file counts; the end may lack its zeros.
    @Test func headersByHand() throws {
        let pax = "20 path=größe.jpg\n10 size=3\n"
        let bytes =
            TestTar.entry("PaxHeaders/x", Array(pax.utf8), kind: "x") + TestTar.entry("x", Array("abc".utf8))
            + TestTar.entry("././@LongLink", Array("long/name.png\0".utf8), kind: "L")
            + TestTar.entry("long", Array("old".utf8))
            + TestTar.entry("b.jpg", Array("one".utf8), prefix: "in/the")
            + TestTar.entry("long/name.png", Array("new".utf8))
            + TestTar.entry("/./root//c.jpg", Array("r".utf8))
        let path = try folder.write(bytes, "a.tar")
        let archive = try TarArchive(contentsOf: path)
        #expect(
            archive.members.map(\.name) == [
                "größe.jpg", "long/name.png", "in/the/b.jpg", "long/name.png", "root/c.jpg",
            ])
        #expect(try text(archive, "größe.jpg") == "abc")
        #expect(try text(archive, "long/name.png") == "new")
        let failure = #expect(throws: FileFailure.self) {
            try archive.bytes(of: "long/name.png", limit: 2, limitName: "L")
        }
        #expect(failure?.description == "\(path)/long/name.png: its 3 bytes exceed the limit of 2 (L)")
        #expect(throws: FileFailure.self) { try archive.bytes(of: "none") }
    }

    @Test func damageIsNamed() throws {
        let whole = TestTar.archive([("a", [1, 2, 3]), ("b", [UInt8](repeating: 7, count: 2000))])
        #expect(
            reason(try folder.write(whole.prefix(2048), "cut.tar")).hasPrefix(
                "cut.tar: is cut off: the entry at byte 1024"))
        #expect(
            reason(try folder.write(whole.prefix(1100), "half.tar"))
                == "half.tar: is cut off inside a header, at byte 1024")
        var damaged = whole
        damaged[1030] ^= 1
        #expect(
            reason(try folder.write(damaged, "d.tar")) == "d.tar: is damaged: there is no header at byte 1024"
        )
        #expect(
            reason(try folder.write([0x1F, 0x8B] + whole, "z.tar"))
                == "z.tar: is compressed, so its files cannot be found; decompress it: pictures are compressed already"
        )
        #expect(
            reason(try folder.write(String(repeating: "x", count: 600), "t.tar"))
                == "t.tar: is not a tar archive")
        #expect(reason(folder.file("none.tar")).contains("cannot be opened"))
        #expect(reason(folder.path).contains("not an ordinary file"))
        #expect(reason(try folder.write(TestTar.end, "empty.tar")) == "nothing")
    }

    /// A path leads into an archive only where a file is; folders with such names are folders.
    @Test func pathsIntoArchives() throws {
        let path = try folder.write(TestTar.archive([("x/b.tar/c.jpg", [1])]), "f.tar/real.tar")
        let place = try #require(TarArchive.archive(in: path + "/x/b.tar/c.jpg"))
        #expect(place.archive == path && place.name == "x/b.tar/c.jpg")
        #expect(TarArchive.archive(in: path) == nil)
        #expect(TarArchive.archive(in: folder.file("f.tar/other.jpg")) == nil)
        #expect(try TarArchive.shared(path) === TarArchive.shared(path))
        // A file that is replaced is opened anew.
        let before = try TarArchive.shared(path)
        try folder.write(TestTar.archive([("new.jpg", [1, 2])]), "f.tar/real.tar")
        #expect(try TarArchive.shared(path) !== before)
        #expect(try TarArchive.shared(path).members.map(\.name) == ["new.jpg"])
    }
}
