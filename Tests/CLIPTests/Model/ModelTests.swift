import FixtureSupport
import Foundation
import Testing
import Torch
import WeightFiles

@testable import CLIP

/// How far two results are apart, at most.
func largestDifference(_ first: Tensor, _ second: Tensor) throws -> Double {
    try (first.to(.float32) - second.to(.float32)).abs().max().item()
}

@Suite struct ModelTests {
    private func model(_ configuration: CLIPConfiguration, dtype: DType = .float32) throws -> CLIPModel {
        let model = try CLIPModel(configuration, dtype: dtype)
        try model.store.initialize(seed: 11)
        return model
    }

    private func pixels(_ count: Int, _ height: Int, _ width: Int) throws -> Tensor {
        try Tensor.randomNormal([count, 3, height, width], generator: Generator(seed: 4))
    }

    // MARK: Sizes

    /// Radford et al., 2021; the ResNets' counts follow from the shapes.
    @Test(arguments: [
        (CLIPConfiguration.resNet50, 38_316_896), (.resNet50x4, 87_137_080), (.resNet50x16, 167_328_912),
        (.resNet50x64, 420_380_352), (.viTB32, 87_849_216),
    ])
    func visionWeightCounts(configuration: CLIPConfiguration, expected: Int) throws {
        let store = ParameterStore()
        _ = try VisionTower(store.root, configuration.vision, format: .openAI)
        #expect(store.weightCount() == expected)
    }

    @Test func parametersOfBothFormatsAreTheSameInNumber() throws {
        let openAI = try CLIPModel(.viTB32, format: .openAI)
        let huggingFace = try CLIPModel(.viTB32, format: .huggingFace)
        // openai/clip-vit-base-patch32 as published.
        #expect(openAI.store.weightCount() == 151_277_313)
        #expect(huggingFace.store.weightCount() == 151_277_313)
    }

    @Test func fullSizeViTB32Runs() throws {
        let model = try model(.viTB32)
        let embeddings = try model.embed(pixels: pixels(1, 224, 224))
        #expect(embeddings.shape == [1, 512])
        #expect(try abs(embeddings.norm().item() - 1) < 1e-5)
        #expect(try model.embed(pixels: pixels(1, 96, 160)).shape == [1, 512])
        let texts = try model.embed(ids: Tensor([[Int64(49_406), 320, 49_407, 0]]))
        #expect(texts.shape == [1, 512])
    }

    @Test func fullSizeResNet50Runs() throws {
        let model = try model(.resNet50)
        guard case .resNet(let trunk, let pool) = model.vision else { throw CLIPError("", reason: "") }
        let maps = try trunk.features(of: pixels(1, 224, 224))
        #expect(
            maps.all.map(\.shape) == [
                [1, 256, 56, 56], [1, 512, 28, 28], [1, 1_024, 14, 14], [1, 2_048, 7, 7],
            ])
        #expect(try pool(maps.c5).shape == [1, 1_024])
    }

    // MARK: Frozen

    @Test func nothingMovesInTraining() throws {
        let model = try model(.tinyResNet)
        let before = try model.store.parameters.map { try $0.value.clone() }
        let pixels = try pixels(2, 96, 96)
        let evaluated = try model.vision.embedding(of: pixels)
        model.store.train()
        let trained = try model.vision.embedding(of: pixels)
        #expect(try trained.isEqual(to: evaluated))
        #expect(!trained.requiresGrad)
        #expect(model.store.trainableParameters.isEmpty)
        for (parameter, value) in zip(model.store.parameters, before) {
            #expect(try parameter.value.isEqual(to: value), "\(parameter.name)")
        }
    }

    /// Folding the normalization into the convolution changes nothing but rounding, and follows the parameters.
    @Test func foldedNormalizationFollowsTheParameters() throws {
        let model = try model(.tinyResNet)
        guard case .resNet(let trunk, _) = model.vision else { throw CLIPError("", reason: "") }
        let generator = try Generator(seed: 8)
        func change() throws {
            for parameter in model.store.parameters(under: "visual") {
                if parameter.name.hasSuffix("running_mean") || parameter.name.hasSuffix("bias") {
                    try parameter.set(Tensor.randomNormal(parameter.shape, generator: generator))
                } else if parameter.name.hasSuffix("running_var") {
                    try parameter.set(Tensor.random(parameter.shape, generator: generator) + 0.5)
                }
            }
        }
        let pixels = try pixels(1, 96, 64)
        for _ in 0..<2 {
            try change()
            try model.store.freeze()
            let folded = try trunk.features(of: pixels)
            try model.store.unfreeze()
            let plain = try withoutGradients { try trunk.features(of: pixels) }
            for (first, second) in zip(folded.all, plain.all) {
                let scale: Double = try second.abs().max().item()
                #expect(try largestDifference(first, second) < 1e-5 * max(1, scale))
            }
        }
    }

    @Test func unfrozenTowersTrain() throws {
        let model = try model(.tinyTransformer)
        try model.store.unfreeze()
        model.store.train()
        let loss =
            try model.vision.embedding(of: pixels(1, 40, 32)).sum()
            + model.text.embedding(of: Tensor([[Int64(1), 2, 49]])).sum()
        try loss.backward()
        for parameter in model.store.parameters where parameter.name != "logit_scale" {
            #expect(parameter.grad != nil, "\(parameter.name)")
        }
    }

    // MARK: Precision

    @Test(arguments: [CLIPConfiguration.tinyTransformer, .tinyResNet])
    func bfloat16IsClose(configuration: CLIPConfiguration) throws {
        let exact = try model(configuration)
        let coarse = try CLIPModel(configuration, dtype: .bfloat16)
        try coarse.store.loadFrozen(StoredTensors(try exact.store.stored()))
        #expect(coarse.store["logit_scale"]?.dtype == .float32)
        let pixels = try pixels(3, 96, 96)
        let cosines = try (exact.embed(pixels: pixels) * coarse.embed(pixels: pixels)).sum(1)
        #expect(try cosines.min().item() > 0.999)
        let ids = try Tensor([[Int64(48), 3, 7, 49, 49], [48, 5, 49, 49, 49]])
        let texts = try (exact.embed(ids: ids) * coarse.embed(ids: ids)).sum(1)
        #expect(try texts.min().item() > 0.999)
    }

    @Test func bfloat16Regions() throws {
        let exact = try model(.tinyResNet)
        let coarse = try CLIPModel(.tinyResNet, dtype: .bfloat16)
        try coarse.store.loadFrozen(StoredTensors(try exact.store.stored()))
        guard case .resNet(_, let pool) = coarse.vision, case .resNet(_, let exactPool) = exact.vision else {
            throw CLIPError("", reason: "")
        }
        let map = try Tensor.randomNormal([1, 128, 5, 6], generator: Generator(seed: 2))
        let regions = try RegionCropping.cellCenters(
            Tensor([[Float(0), 0, 100, 90], [20, 30, 180, 150]]), mapSize: Size2D(5, 6), gridSize: 3)
        let got = try pool(map, regions: regions).to(.float32).normalized()
        let want = try exactPool(map, regions: regions).normalized()
        #expect(try (got * want).sum(1).min().item() > 0.999)
    }

    // MARK: Texts

    /// What follows the end token, and how long the rows are, changes nothing.
    @Test func paddingChangesNothing() throws {
        let model = try model(.tinyTransformer)
        let short = try model.embed(ids: Tensor([[Int64(48), 3, 49]]))
        let long = try model.embed(ids: Tensor([[Int64(48), 3, 49, 7, 7, 7, 7, 7, 7, 7, 7, 7]]))
        #expect(try largestDifference(short, long) < 1e-6)
        let empty = try Tensor.zeros([0, 5], dtype: .int64)
        #expect(try model.embed(ids: empty).shape == [0, 24])
    }

    @Test func wrongInputsSayWhatIsExpected() throws {
        let model = try model(.tinyTransformer)
        let tooLong = try Tensor.zeros([1, 13], dtype: .int64)
        var error = #expect(throws: CLIPError.self) { try model.embed(ids: tooLong) }
        #expect(error?.description.contains("1 to 12") == true)
        #expect(throws: TorchError.self) { try model.embed(ids: Tensor([[Int64(50)]])) }
        error = #expect(throws: CLIPError.self) { try model.embed(pixels: Tensor.zeros([1, 3, 7, 32])) }
        #expect(error?.description.contains("patch size 8") == true)
        let resNet = try self.model(.tinyResNet)
        error = #expect(throws: CLIPError.self) { try resNet.embed(pixels: pixels(1, 128, 128)) }
        #expect(error?.description.contains("96 x 96") == true)
        #expect(throws: CLIPError.self) { try resNet.embed(pixels: pixels(1, 96, 16)) }
        #expect(throws: CLIPError.self) { try CLIPModel(.tinyResNet, format: .huggingFace) }
    }

    /// The kept table belongs to its grid.
    @Test func positionsAreResampledOncePerGrid() throws {
        let model = try model(.tinyTransformer)
        let pixels = try pixels(1, 40, 56)
        let first = try model.embed(pixels: pixels)
        _ = try model.embed(pixels: self.pixels(1, 24, 24))
        #expect(try model.embed(pixels: pixels).isEqual(to: first))
    }
}

extension CLIPConfiguration {
    /// OpenAI's ResNet-50 scaled to 16 times the compute.
    fileprivate static let resNet50x16 = resNet(
        blocks: [6, 8, 18, 8], width: 96, imageSize: 384, embeddingWidth: 768, textWidth: 768)

    /// OpenAI's ResNet-50 scaled to 64 times the compute.
    fileprivate static let resNet50x64 = resNet(
        blocks: [3, 15, 36, 10], width: 128, imageSize: 448, embeddingWidth: 1_024, textWidth: 1_024)
}
