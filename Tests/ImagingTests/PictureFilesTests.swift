import FixtureSupport
import Foundation
import Imaging
import Support
import Testing

@Suite struct PictureFilesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ names: String...) throws { for name in names { try folder.write("", name) } }

    private func names(_ files: PictureFiles) -> [String] {
        files.paths.map { String($0.dropFirst(folder.path.count + 1)) }
    }

    /// Everything that decoders know takes part; everything else is counted.
    @Test func foldersHoldPicturesAndOtherThings() throws {
        try write(
            "b.jpg", "a.JFIF", "c.jpe", "d.mpo", "._b.jpg", ".DS_Store", "notes.txt", "x.txt", "old.bmp",
            "README",
            "deep/e.jpg", "deep/.f.jpg")
        let files = try PictureFiles([folder.path])
        #expect(names(files) == ["a.JFIF", "b.jpg", "c.jpe", "d.mpo"])
        #expect(
            files.passedOver.note
                == "skipped 2 hidden files, 2 .txt files, 1 file without extension, 1 .bmp file, 1 sub-folder (--recursive reads them)"
        )
        let all = try PictureFiles([folder.path + "/"], isRecursive: true)
        #expect(names(all) == ["a.JFIF", "b.jpg", "c.jpe", "d.mpo", "deep/e.jpg"])
        #expect(all.passedOver.hidden == 3 && all.passedOver.folders == 0)
    }

    /// What is named is read, whatever it is called; folders without pictures are an error that says what is in them.
    @Test func namedFilesTakePart() throws {
        try write("picture.dat", ".hidden.png", "empty/x.txt", "empty/sub/y.png")
        let named = [folder.file("picture.dat"), folder.file(".hidden.png"), folder.file("gone.png")]
        let files = try PictureFiles(named)
        #expect(files.paths == named && files.passedOver.note == nil)
        let error = #expect(throws: ImagingError.self) { try PictureFiles([folder.file("empty")]) }
        #expect(
            error?.description
                == folder.file("empty")
                + ": is a folder without pictures; skipped 1 .txt file, 1 sub-folder (--recursive reads them)"
        )
        #expect(try names(PictureFiles([folder.file("empty")], isRecursive: true)) == ["empty/sub/y.png"])
    }

    /// A link to a folder above ends there.
    @Test func linksInACircleEnd() throws {
        try write("a/b/c.png")
        try #require(symlink("../..", folder.file("a/b/up")) == 0)
        let files = try PictureFiles([folder.path], isRecursive: true)
        #expect(names(files) == ["a/b/c.png"] && files.passedOver.folders == 1)
    }

    @Test(arguments: [
        ("a.png\nb c.png\n", ["a.png", "b c.png"]), ("a.png\r\n\r\nb.png", ["a.png", "b.png"]),
        ("\u{FEFF}a.png\n", ["a.png"]), ("a\nb.png\0c.png\0", ["a\nb.png", "c.png"]), ("", []),
    ]) func lists(_ text: String, _ paths: [String]) throws {
        #expect(try PictureFiles(["-"], readList: { Array(text.utf8) }).paths == paths)
    }

    @Test func listsThatAreNoUTF8() throws {
        let files = try PictureFiles(["-"], readList: { [0x63, 0xE9, 0x0A] })
        #expect(files.paths.map(\.pathBytes) == [[0x63, 0xE9]])
        let error = #expect(throws: ImagingError.self) {
            try PictureFiles(["-"], readList: { [0xFF, 0xFE, 0x61, 0, 0x0A, 0] })
        }
        #expect(error?.reason.contains("UTF-16") == true)
    }

    /// The pictures of archives, in their order, have paths like those of folders.
    @Test func archivesAreFolders() throws {
        let png = try Fixture.png()
        let contents: [(name: String, contents: [UInt8])] = [
            ("2.png", png), ("2.json", []), ("sub/1.png", png), ("._x.png", []), ("2.png", png),
        ]
        let path = try folder.write(TestTar.archive(contents), "a0.tar")
        try folder.write(TestTar.archive([("n.txt", [])]), "a1.tar")
        let files = try PictureFiles([folder.file("a{0..0}.tar")])
        #expect(names(files) == ["a0.tar/2.png", "a0.tar/sub/1.png"])
        #expect(files.passedOver.note == "skipped 1 hidden file, 1 .json file")
        #expect(try Image(contentsOf: files.paths[1]).size == Image(encoded: png).size)
        #expect(try ImageHeader(contentsOf: files.paths[1]).format == .png)
        #expect(try TiledTIFF.picture(contentsOf: files.paths[1]).size == Image(encoded: png).size)
        let gone = #expect(throws: ImagingError.self) { try Image(contentsOf: path + "/3.png") }
        #expect(gone?.description == path + "/3.png: there is no such file in the archive")
        let none = #expect(throws: ImagingError.self) { try PictureFiles([folder.file("a1.tar")]) }
        #expect(
            none?.description == folder.file("a1.tar")
                + ": is an archive without pictures; skipped 1 .txt file")
        #expect(try PictureFiles([path], opensArchives: false).paths == [path])
        // One that is there as it is written means itself.
        try folder.write(png, "x{1..2}.png")
        #expect(try names(PictureFiles([folder.file("x{1..2}.png")])) == ["x{1..2}.png"])
    }

    private enum Fixture {
        static func png() throws -> [UInt8] {
            let folder = try TemporaryFolder()
            try Image(width: 5, height: 4, filledWith: .white).write(to: folder.file("x.png"))
            return folder.bytes("x.png")
        }
    }
}
