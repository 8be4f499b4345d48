import ArgumentParser
import CLIP
import FixtureSupport
import Foundation
import Imaging
import Testing
import Torch
import WeightFiles

import FVLMCommand

@testable import FVLMNetworks

/// The commands around CLIP, with the recorded models.
@Suite struct EmbedCommandTests {
    private let folder = FileManager.default.temporaryDirectory.appending(
        path: "fvlm-\(UUID().uuidString)")

    private func path(_ name: String) throws -> String {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.appending(path: name).path
    }

    private func fixture() throws -> FixtureCase {
        try #require(try Fixtures.cases("clip").first { $0.has("in.image0") })
    }

    /// Normalized values that were recorded.
    private func expectEmbeddings(_ file: Safetensors, _ recorded: StoredTensor) throws {
        let got = try file.tensor(named: "embeddings")
        #expect(got.shape == recorded.shape)
        let width = got.shape[1]
        let (values, wanted) = (got.floats(), recorded.floats())
        for row in 0..<got.shape[0] {
            let part = wanted[row * width..<(row + 1) * width]
            let length = part.reduce(0) { $0 + $1 * $1 }.squareRoot()
            for (value, want) in zip(values[row * width..<(row + 1) * width], part) {
                #expect(abs(value - want / length) < 1e-4)
            }
        }
    }

    @Test func textsToAFile() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = try fixture()
        let texts = try fixture.parameters["texts"].strings
        let (list, output) = (try path("texts.txt"), try path("texts.safetensors"))
        try Data(texts.map { $0 + "\n" }.joined().utf8).write(to: URL(filePath: list))
        try await FVLMNetworksTool.run([
            "embed", "text", "--file", list, "--model", fixture.path("model"), "--output", output,
        ])
        let file = try Safetensors(contentsOf: output)
        let names = try JSONDecoder().decode(
            [String].self, from: Data((file.metadata["names"] ?? "").utf8))
        #expect(names == texts)
        try expectEmbeddings(file, fixture.tensor("out.text_embeds"))
    }

    /// JSON has no NaN: an embedding that holds one is an error, before anything of it is printed.
    @Test(arguments: [Float.nan, .infinity]) func embeddingsThatAreNoNumbersAreRefused(_ value: Float) throws
    {
        let embeddings = try Tensor([[value, 1]] as [[Float]])
        let error = #expect(throws: CLIPError.self) {
            try EmbedCommand.printLines(embeddings, names: ["a"], key: "text")
        }
        #expect(error?.description == "a: has an embedding that is NaN or infinite")
    }

    @Test func picturesToAFile() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = try fixture()
        let pictures = try path("pictures")
        try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
        let count = try fixture.parameters["images"].int
        for index in 0..<count {
            let stored = try fixture.tensor("in.image\(index)")
            let image = try Image(
                width: stored.shape[1], height: stored.shape[0], pixels: stored.bytes())
            try image.write(to: "\(pictures)/\(index).png")
        }
        try Data("notes".utf8).write(to: URL(filePath: "\(pictures)/notes.txt"))
        let output = try path("pictures.safetensors")
        try await FVLMNetworksTool.run([
            "embed", "image", pictures, "--model", fixture.path("model"), "--output", output,
            "--batch-size", "2",
        ])
        let file = try Safetensors(contentsOf: output)
        try expectEmbeddings(file, fixture.tensor("out.image_embeds"))

        // Classes and vocabulary of the same names come out alike.
        let vocabulary = try path("words.safetensors")
        try await FVLMNetworksTool.run([
            "vocabulary", "build", "--classes", "a bus, train", "--templates", "single", "--model",
            fixture.path("model"), "--output", vocabulary,
        ])
        try await FVLMNetworksTool.run([
            "embed", "image", pictures, "--model", fixture.path("model"), "--vocabulary", vocabulary,
        ])
        try await FVLMNetworksTool.run(["vocabulary", "show", vocabulary])
        let more = try path("more.safetensors")
        try await FVLMNetworksTool.run([
            "vocabulary", "build", "--classes", "zebra", "--templates", "single", "--model",
            fixture.path("model"), "--output", more,
        ])
        try await FVLMNetworksTool.run([
            "vocabulary", "merge", vocabulary, more, "--output", try path("all.safetensors"),
        ])
        #expect(try Vocabulary(contentsOf: path("all.safetensors")).names == ["a bus", "train", "zebra"])

        try Data("no picture".utf8).write(to: URL(filePath: "\(pictures)/broken.jpg"))
        let arguments = [
            "embed", "image", pictures, "--model", fixture.path("model"), "--output", output,
        ]
        let error = await #expect(throws: ImagingError.self) {
            try await FVLMNetworksTool.run(arguments + ["--fail-fast"])
        }
        #expect(error?.exitStatus == .badData)
        await #expect(throws: ExitCode.failure) {
            try await FVLMNetworksTool.run(arguments)
        }
        #expect(try Safetensors(contentsOf: output).tensor(named: "embeddings").shape[0] == count)
    }

    /// Lines end as on any system; a mark of byte order is no character.
    @Test("B02: texts of a file", arguments: ["a\nb\n", "a\r\nb\r\n", "a\rb", "\u{FEFF}a\r\nb"])
    func textsOfAFile(_ text: String)
        throws
    {
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = try path("texts.txt")
        try Data(text.utf8).write(to: URL(filePath: file))
        let run = try Program(["embed", "text", "--file", file, "--model", SmallDetector.clip, "--json"])
        #expect(run.status == 0, "\(run.errors)")
        let texts = try run.output.split(separator: "\n").map {
            try (JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["text"] as? String
        }
        #expect(texts == ["a", "b"])
    }

    /// Of two sets of weights the trained one is taken, and the command says so.
    @Test("B06: two sets of weights") func twoSetsOfWeights() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let recorded = URL(filePath: SmallDetector.clip).deletingLastPathComponent()
        for name in ["vocab.json", "merges.txt"] {
            try FileManager.default.copyItem(
                atPath: recorded.appending(path: name).path, toPath: path(name))
        }
        let weights = try WeightFile.open(SmallDetector.clip)
        let names = ["input_resolution", "context_length", "vocab_size"]
        let model = try weights.keys.filter { !names.contains($0) }.map { try weights.tensor(named: $0) }
        let average = try model.map {
            try $0.dtype == .float32
                ? (Tensor($0) + 0.5).stored(named: $0.name) : $0
        }
        let file = try path("epoch_9.pt")
        try PyTorchArchive.write(["model_ema": .tensors(average), "model": .tensors(model)], to: file)
        func run(_ path: String) throws -> Program {
            try Program([
                "embed", "text", "a red apple", "--model", path, "--activation", "quick_gelu", "--json",
            ])
        }
        let (both, one) = (try run(file), try run(SmallDetector.clip))
        #expect(both.status == 0 && both.output == one.output)
        #expect(
            both.errors.contains("the weights of 'model' are used, not those of 'model_ema'"),
            "\(both.errors)")
    }

    @Test func novelClassesAreMarked() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = try fixture()
        let (names, novel, output) = (try path("n.txt"), try path("v.txt"), try path("o.safetensors"))
        try Data("cat\tkitten\ndog\n".utf8).write(to: URL(filePath: names))
        try Data("dog\n".utf8).write(to: URL(filePath: novel))
        try await FVLMNetworksTool.run([
            "vocabulary", "build", "--classes-file", names, "--novel-file", novel, "--templates",
            "single",
            "--no-background", "--model", fixture.path("model"), "--output", output,
        ])
        let vocabulary = try Vocabulary(contentsOf: output)
        #expect(
            vocabulary.classes == [
                .init("cat", synonyms: ["kitten"], split: .base), .init("dog", split: .novel),
            ])
        #expect(vocabulary.background == nil)
    }

    @Test(arguments: [
        ["embed", "text", "--model", "m", "--json"], ["embed", "text", "a", "--model", "m"],
        ["embed", "image", "a.jpg", "--model", "m"], ["embed", "image", "a.jpg", "--json"],
        ["embed", "image", "a.jpg", "--model", "m", "--classes", "a", "--vocabulary", "v"],
        ["vocabulary", "build", "--model", "m", "--output", "o"],
    ])
    func wrongUsage(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try FVLMNetworksTool.parseAsRoot(arguments) }
        #expect(error.map { FVLMNetworksTool.exitCode(for: $0) } == .validationFailure)
    }
}
