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
}
