import FixtureSupport
import Foundation
import Testing

@testable import WeightFiles

@Suite struct WeightFileTests {
    @Test(arguments: [
        ("version https://git-lfs.github.com/spec/v1\n", "git-lfs"), ("<!DOCTYPE html>", "web page"),
        ("\u{1F}\u{8B}", "unknown form"), ("GGUF....", "GGUF"), ("(dp0\n", "protocol 0"),
        ("{\"a\": 1}", "not an index"), ("hello, world", "unknown form"), ("{", "expected"),
        ("{\"weight_map\": {\"a\": \"../x.safetensors\"}}", "not the name of a file"),
        ("{\"weight_map\": {\"a\": \"absent.bin\"}}", "absent.bin"),
    ])
    func otherFilesAreNamed(text: String, reason: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, "weights.bin")
        let error = try #require(throws: WeightFileError.self) { try WeightFile.open(path) }
        #expect("\(error)".contains(reason), "\(error)")
    }

    @Test func formsAreToldByContent() throws {
        func form(_ bytes: [UInt8]) -> WeightFile.Form { bytes.withUnsafeBytes { WeightFile.form(of: $0) } }
        #expect(form([0x1F, 0x8B, 8]) == .other("a gzip file (decompress it first)"))
        #expect(form([]) == .other(nil))
        #expect(form([0x80, 4, 0x95]) == .pickle)
        #expect(form([0x80, 1]) != .pickle)
        #expect(form(Array("{ \n\"weight_map".utf8)) == .json)
        // A header of 123 bytes, which is also the code of an opening brace.
        #expect(form([0x7B, 0, 0, 0, 0, 0, 0, 0, 0x7B]) == .safetensors)
        #expect(form([0x40, 0, 0, 0, 0, 0, 0, 0, 0x7B]) == .safetensors)
        let fixture = try RecordedForms.fixture()
        #expect(try WeightFile.open(fixture.path("state_dict.pt")) is PyTorchArchive)
        #expect(try WeightFile.open(fixture.path("legacy.pth")) is PyTorchArchive)
        #expect(try WeightFile.open(fixture.path("script.pt")) is TorchScriptArchive)
        #expect(try WeightFile.open(fixture.path("plain.pkl")) is NumpyPickle)
        #expect(try WeightFile.open(fixture.path("plain.safetensors")) is Safetensors)
        #expect(try WeightFile.open(fixture.path("sharded")) is ShardedWeights)
        #expect(throws: WeightFileError.self) { try WeightFile.open(fixture.folder.path) }
        #expect(throws: WeightFileError.self) { try WeightFile.open("/nowhere/model.bin") }
    }

    /// The folders that a CLIP is loaded from, and a detector's.
    @Test(arguments: WeightFile.snapshotNames + ["detector.safetensors"]) func foldersOfEveryKind(
        name: String
    ) throws {
        let fixture = try RecordedForms.fixture()
        let folder = try TemporaryFolder()
        let isIndex = name.hasSuffix(".json")
        let parts = try Folder.names(in: fixture.path("sharded")).filter { $0.hasSuffix(".safetensors") }
        for part in parts where isIndex {
            try folder.write(FileBytes(contentsOf: fixture.path("sharded/\(part)")).array, part)
        }
        let index = "sharded/model.safetensors.index.json"
        let bytes = try FileBytes(contentsOf: fixture.path(isIndex ? index : "plain.safetensors")).array
        // An index may begin with a byte-order mark, as any text.
        try folder.write((isIndex ? [0xEF, 0xBB, 0xBF] : []) + bytes, name)
        #expect(try !WeightFile.open(folder.path).keys.isEmpty)
    }

    @Test func anIndexMustListWhatItsFilesHave() throws {
        let fixture = try RecordedForms.fixture()
        let folder = try TemporaryFolder()
        let name = "model-00001-of-00002.safetensors"
        let part = try [UInt8](Data(contentsOf: URL(filePath: fixture.path("sharded/\(name)"))))
        _ = try folder.write(part, name)
        func open(_ names: [String]) throws -> ShardedWeights {
            let map = names.map { "\"\($0)\": \"\(name)\"" }.joined(separator: ",")
            return try ShardedWeights(
                contentsOf: folder.write("{\"weight_map\": {\(map)}}", "index.json"))
        }
        #expect(try open(["c", "a"]).keys == ["c", "a"])
        let odd =
            "{\"metadata\": {\"x\": [1, {\"y\": [null, true, false, \"]\"]}]}, \"weight_map\": {\"a\": \"\(name)\", \"c\": \"\(name)\"}, \"z\": -1e5}"
        #expect(try ShardedWeights(contentsOf: folder.write(odd, "odd.json")).keys == ["a", "c"])
        let deep = "{\"a\": " + String(repeating: "[", count: 1000)
        let error = try #require(throws: WeightFileError.self) {
            try ShardedWeights(contentsOf: folder.write(deep, "deep.json"))
        }
        #expect("\(error)".contains("nested deeper"))
        #expect(try open(["c", "a"]).files == [name])
        let missing = try #require(throws: WeightFileError.self) { try open(["a", "c", "d"]) }
        #expect("\(missing)".hasSuffix(": d"))
        let unlisted = try #require(throws: WeightFileError.self) { try open(["a"]) }
        #expect("\(unlisted)".hasSuffix(": c"))
    }
}
