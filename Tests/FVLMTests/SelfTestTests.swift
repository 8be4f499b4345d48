import FixtureSupport
import Foundation
import Synchronization
import Testing
import TorchFixtures

@testable import FVLM

/// What loading tells of heads and embeddings that do not belong together, on the committed detector.
@Suite struct SelfTestTests {
    private static let models = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Models").path

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The notes of loading the committed detector with another layer of embeddings and another vocabulary.
    private func notes(
        layer: (Tensor) throws -> Tensor = { $0 }, vocabulary: (Vocabulary) throws -> Vocabulary = { $0 }
    ) throws -> [String] {
        let (committed, copy) = (ModelFolder(Self.models + "/emoji-detector"), ModelFolder(folder.path))
        let weights = try Safetensors(contentsOf: committed.weights)
        let tensors = try weights.keys.map { key in
            let stored = try weights.tensor(named: key)
            guard key == "projection.weight" else { return stored }
            return try layer(Tensor(stored)).stored(named: key)
        }
        try Safetensors.write(tensors, metadata: weights.metadata, to: copy.weights)
        try vocabulary(Vocabulary(contentsOf: committed.vocabulary)).write(to: copy.vocabulary)
        let settings = try Data(contentsOf: URL(filePath: committed.configuration))
        try settings.write(to: URL(filePath: copy.configuration))
        let found = Mutex<[String]>([])
        var options = Detector.LoadingOptions()
        options.clip = Self.models + "/emoji-clip"
        options.note = { note in found.withLock { $0.append(note) } }
        _ = try Detector.load(folder.path, options: options)
        return found.withLock { $0 }
    }

    /// The embeddings without a word of where they come from, changed.
    private func adopted(_ known: Vocabulary, _ change: (Tensor) throws -> Tensor = { $0 }) throws
        -> Vocabulary
    {
        try Vocabulary(
            classes: known.classes, templates: [], embeddings: change(known.embeddings),
            background: known.background, clip: known.clip)
    }

    @Test func whatBelongsTogetherIsNotTold() throws {
        #expect(try notes().isEmpty)
        #expect(try notes(vocabulary: { try adopted($0) }).isEmpty)
    }

    @Test func headsThatWereNotTrainedAreAtChance() throws {
        let found = try notes(layer: {
            try Tensor.randomNormal($0.shape, generator: Generator(seed: 3)) * 0.05
        })
        #expect(found.count == 1 && found[0].contains("at chance") && found[0].contains("look untrained"))
    }

    @Test func embeddingsOfAnotherTrunkAreTold() throws {
        // The same classes in other directions, which only the heads can tell, and in another order, which only texts can.
        let turn = try Operator("aten::linalg_qr").tensors(
            Tensor.randomNormal([192, 192], generator: Generator(seed: 4)))[0]
        let turned = try notes(vocabulary: { known in
            try Vocabulary(
                classes: known.classes, templates: known.templates, article: known.article,
                embeddings: known.embeddings.matmul(turn), background: known.background, clip: known.clip)
        })
        #expect(turned.count == 1 && turned[0].contains("do not match this trunk"))
        let exchanged = try notes(vocabulary: { try adopted($0) { try $0.flipped([0]) } })
        #expect(exchanged.count == 1 && exchanged[0].contains("of 16 class names its text tower finds"))
    }
}
