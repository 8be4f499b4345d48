import FVLM
import FixtureSupport
import Foundation
import Support
import Testing

/// Detectors that compute in eight bits.
@Suite(.enabled(if: Quantization.refusal == nil)) struct QuantizationTests {
    private static let wide = [
        "network.width=64", "network.hidden=64", "trunk.adapterChannels=[64,64,64,64]",
    ]

    /// The random heads over a ResNet find nothing with wider hidden layers.
    private static func settings(isResNet: Bool) -> [String] {
        isResNet ? ["network.width=64", "network.hidden=32"] : wide
    }

    /// Everything in bytes.
    private static var bytes: Quantization.Choice {
        var choice = Quantization.Choice()
        choice.errorLimit = 0.99
        choice.bfloat16Share = 0
        return choice
    }

    /// The scores and boxes: random heads may be so sure that scores alone do not tell.
    private func findings(_ detector: Detector, _ vocabulary: Vocabulary) throws -> [Float] {
        try detector.detect([TestDetector.picture()], vocabulary: vocabulary)[0].flatMap {
            [$0.score] + [$0.box.x1, $0.box.y1, $0.box.x2, $0.box.y2].map { Float($0) }
        }
    }

    @Test(arguments: [false, true]) func whatWasFoundIsUsedAndForgotten(isResNet: Bool) async throws {
        let detector = try TestDetector.detector(
            isResNet: isResNet, settings: Self.settings(isResNet: isResNet))
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        let before = try findings(detector, vocabulary)
        try #require(!before.isEmpty)
        var passes: [Int] = []
        let quantization = try detector.quantization(
            of: [TestDetector.picture(), TestDetector.picture(width: 90, height: 120)], choice: Self.bytes
        ) { done, count in
            #expect(count == 4)
            passes.append(done)
        }
        #expect(passes == [1, 2, 3, 4])
        #expect(quantization.pictures == 2 && quantization.inputSize == 128)
        // Looking changes nothing.
        #expect(try findings(detector, vocabulary) == before)

        let names = Set(quantization.layers.filter { $0.part == .network }.map(\.name))
        #expect(
            names.isSuperset(of: ["fpn.fpn_lateral2", "fpn.fpn_output5", "box_head.fc1", "mask_head.deconv"]))
        // First and last layers are not among them.
        #expect(
            names.isDisjoint(with: [
                "projection", "bbox_pred", "mask_head.predictor", "rpn_head.objectness_logits",
            ]))
        #expect(quantization.layers.allSatisfy { $0.error > 0 })

        try detector.use(quantization)
        let inBytes = try findings(detector, vocabulary)
        #expect(inBytes != before && inBytes.allSatisfy(\.isFinite))
        try detector.use(nil)
        #expect(try findings(detector, vocabulary) == before)
    }

    /// A layer of which bytes lose more than is allowed stays in bfloat16.
    @Test func layersAreMixed() throws {
        let detector = try TestDetector.detector(isResNet: false, settings: Self.wide)
        let all = try detector.quantization(of: [TestDetector.picture()], choice: Self.bytes)
        let middle = all.layers.map(\.error).sorted()[all.layers.count / 2]
        var choice = Self.bytes
        choice.errorLimit = middle
        let mixed = try detector.quantization(of: [TestDetector.picture()], choice: choice)
        #expect(Set(mixed.layers.map(\.precision)) == [.int8, .bfloat16])
        #expect(mixed.layers.allSatisfy { ($0.error <= middle) == ($0.precision == .int8) })
        try detector.use(mixed)

        // Of those that are left, the ones that lose most, as long as they are a small share.
        choice = Self.bytes
        choice.bfloat16Share = 0.2
        let few = try detector.quantization(of: [TestDetector.picture()], choice: choice)
        let left = few.layers.filter { $0.precision == .bfloat16 }
        let share = left.reduce(0) { $0 + $1.share }
        #expect(!left.isEmpty && share <= 0.2)
        #expect(abs(few.layers.reduce(0) { $0 + $1.share } - 1) < 1e-9)
        for layer in few.layers where layer.precision == .int8 {
            let better = left.filter { $0.error > layer.error }.reduce(0) { $0 + $1.share }
            #expect(better + layer.share > 0.2)
        }
    }

    @Test func theFileHoldsItAll() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let detector = try TestDetector.detector(isResNet: true, settings: Self.settings(isResNet: true))
        var configuration = detector.configuration
        configuration.clip = Fixtures.folder("clip").appending(path: "openai-rn/model.pt").path
        try ModelFolder(folder).write(configuration, network: detector.network, vocabulary: nil)
        let quantization = try detector.quantization(of: [TestDetector.picture()], choice: Self.bytes)
        try quantization.write(to: ModelFolder(folder).quantization)
        #expect(try Quantization(contentsOf: ModelFolder(folder).quantization) == quantization)

        var options = Detector.LoadingOptions()
        options.precision = .int8
        #expect(options.dtype == .float32)
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        let loaded = try Detector.load(folder, options: options)
        try detector.use(quantization)
        try #require(!findings(loaded, vocabulary).isEmpty)
        #expect(try findings(loaded, vocabulary) == findings(detector, vocabulary))
    }

    @Test func ofAnotherDetectorItIsRefused() throws {
        let detector = try TestDetector.detector(isResNet: true, settings: Self.settings(isResNet: true))
        let quantization = try detector.quantization(of: [TestDetector.picture()])
        try detector.network.store.initialize(seed: 99)
        let error = try #require(throws: ConfigurationError.self) { try detector.use(quantization) }
        #expect(error.description.contains("fvlm quantize"))
        #expect(throws: ConfigurationError.self) { try detector.quantization(of: []) }
    }
}
