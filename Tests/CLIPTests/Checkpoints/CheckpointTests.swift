import FixtureSupport
import Foundation
import Hub
import Testing
import Torch
import WeightFiles

@testable import CLIP

@Suite struct CheckpointTests {
    private func saved(
        _ configuration: CLIPConfiguration, format: CheckpointFormat, in folder: TemporaryFolder,
        _ name: String, prefix: String = ""
    ) throws -> CLIPModel {
        let model = try CLIPModel(configuration, format: format)
        try model.store.initialize(seed: 21)
        try Safetensors.write(
            try model.store.stored { prefix + $0 }, to: folder.path + "/" + name)
        return model
    }

    private let ids = [[Int64(48), 3, 9, 49]]

    @Test func fileWithoutConfigurationNeedsTheActivation() throws {
        let folder = try TemporaryFolder()
        let model = try saved(.tinyResNet, format: .openAI, in: folder, "clip.safetensors")
        let path = folder.path + "/clip.safetensors"
        let error = #expect(throws: CLIPError.self) { try CLIPModel.load(path) }
        #expect(error?.description.contains("quick_gelu") == true)
        let loaded = try CLIPModel.load(path, options: .init(activation: .quickGELU))
        #expect(loaded.configuration == .tinyResNet)
        let ids = try Tensor(ids)
        #expect(try loaded.embed(ids: ids).isEqual(to: model.embed(ids: ids)))
    }

    /// Half precision says how a trainer saves, not which activation it has.
    @Test("B04: precision does not tell the activation") func precisionDoesNotTellTheActivation() throws {
        let folder = try TemporaryFolder()
        let model = try CLIPModel(.tinyResNet, format: .openAI)
        try model.store.initialize(seed: 21)
        let tensors = try model.store.parameters.map { parameter in
            let isNorm = parameter.name.contains("ln_")
            return try parameter.value.to(isNorm ? .float32 : .float16).stored(named: parameter.name)
        }
        let path = folder.file("epoch_1.safetensors")
        try Safetensors.write(tensors, to: path)
        let error = #expect(throws: CLIPError.self) { try CLIPModel.load(path) }
        #expect(error?.description.contains("gelu") == true)
        #expect(try CLIPModel.load(path, options: .init(activation: .gelu)).notes.isEmpty)
    }

    /// A trainer's file with running means of the weights before the weights themselves.
    @Test func ofSeveralSetsOfWeightsTheTrainedOneIsTaken() throws {
        let folder = try TemporaryFolder()
        let model = try CLIPModel(.tinyTransformer, format: .openAI)
        try model.store.initialize(seed: 4)
        let tensors = try model.store.stored()
        func renamed(_ prefix: String, plus: Double = 0) throws -> [StoredTensor] {
            try tensors.map { try (Tensor($0) + plus).stored(named: prefix + $0.name) }
        }
        let path = folder.file("epoch_9.safetensors")
        try Safetensors.write(renamed("model_ema.", plus: 0.5) + renamed("model."), to: path)
        let loaded = try CLIPModel.load(path, options: .init(activation: .quickGELU))
        let ids = try Tensor(ids)
        #expect(try loaded.embed(ids: ids).isEqual(to: model.embed(ids: ids)))
        #expect(loaded.notes.count == 1)
        #expect(loaded.notes.first?.contains("'model' are used") == true)

        try Safetensors.write(renamed("ema.", plus: 0.5) + renamed(""), to: path)
        #expect(
            try CLIPModel.load(path, options: .init(activation: .quickGELU)).embed(ids: ids)
                .isEqual(to: model.embed(ids: ids)))

        try Safetensors.write(renamed("student.") + renamed("other."), to: path)
        let error = #expect(throws: WeightFileError.self) {
            try CLIPModel.load(path, options: .init(activation: .quickGELU))
        }
        #expect(error?.description.contains("student, other") == true)
    }

    /// OpenCLIP's nonscalar_logit_scale, and the bias of SigLIP's loss, which shifts logits alone.
    @Test("B07: single numbers may have a dimension") func singleNumbersMayHaveADimension() throws {
        let folder = try TemporaryFolder()
        let model = try CLIPModel(.tinyTransformer, format: .openAI)
        try model.store.initialize(seed: 4)
        let path = folder.file("clip.safetensors")
        let others = try model.store.stored().filter { $0.name != "logit_scale" }
        try Safetensors.write(
            others + [
                Tensor([Float(1)]).stored(named: "logit_scale"),
                Tensor([Float(-10)]).stored(named: "logit_bias"),
            ], to: path)
        let loaded = try CLIPModel.load(path, options: .init(activation: .quickGELU))
        #expect(try loaded.logitScale.value.shape == [])
        let ids = try Tensor(ids)
        let rows = try loaded.embed(ids: ids)
        #expect(try rows.isEqual(to: model.embed(ids: ids)))
        let logit: Double = try loaded.logits(images: rows, texts: rows).item()
        #expect(abs(logit - (exp(1) - 10)) < 1e-5)
        try Safetensors.write(others + [Tensor([Float(1), 2]).stored(named: "logit_scale")], to: path)
        #expect(throws: WeightMismatch.self) {
            try CLIPModel.load(path, options: .init(activation: .quickGELU))
        }
    }

    @Test func prefixesOfTrainingAreTakenOff() throws {
        let folder = try TemporaryFolder()
        let model = try CLIPModel(.tinyTransformer, format: .openAI)
        try model.store.initialize(seed: 2)
        var tensors: [(CheckpointValue.Key, CheckpointValue)] = []
        for tensor in try model.store.stored() {
            tensors.append((.text("module." + tensor.name), .tensor(tensor)))
        }
        let moments = try Tensor.zeros([3]).stored(named: "exp_avg")
        let root = CheckpointValue.dictionary([
            (.text("epoch"), .integer(3)), (.text("state_dict"), .dictionary(tensors)),
            (.text("optimizer"), .dictionary([(.text("exp_avg"), .tensor(moments))])),
        ])
        let path = folder.path + "/epoch_3.pt"
        try PyTorchArchive.write(root, to: path)
        let loaded = try CLIPModel.load(path, options: .init(activation: .quickGELU))
        #expect(try CLIPCheckpoint(path, activation: .gelu).prefix == "state_dict.module.")
        let ids = try Tensor(ids)
        #expect(try loaded.embed(ids: ids).isEqual(to: model.embed(ids: ids)))
    }

    @Test func shardsAreReadThroughTheirIndex() throws {
        let folder = try TemporaryFolder()
        let model = try CLIPModel(.tinyTransformer, format: .huggingFace)
        try model.store.initialize(seed: 3)
        let tensors = try model.store.stored()
        let half = tensors.count / 2
        try Safetensors.write(Array(tensors[..<half]), to: folder.path + "/model-1.safetensors")
        try Safetensors.write(Array(tensors[half...]), to: folder.path + "/model-2.safetensors")
        let map = tensors.enumerated().map { "\"\($1.name)\": \"model-\($0 < half ? 1 : 2).safetensors\"" }
        try folder.write("{\"weight_map\": {\(map.joined(separator: ","))}}", "model.safetensors.index.json")
        let loaded = try CLIPModel.load(folder.path, options: .init(activation: .quickGELU))
        let ids = try Tensor(ids)
        #expect(try loaded.embed(ids: ids).isEqual(to: model.embed(ids: ids)))
    }

    @Test func openCLIPFolder() throws {
        let folder = try TemporaryFolder()
        let model = try saved(.tinyTransformer, format: .openAI, in: folder, "open_clip_model.safetensors")
        try folder.write(
            """
            {"model_cfg": {"embed_dim": 24, "quick_gelu": true,
              "vision_cfg": {"image_size": 32, "layers": 3, "width": 128, "patch_size": 8},
              "text_cfg": {"context_length": 12, "vocab_size": 50, "width": 64, "heads": 1, "layers": 2}}}
            """, "open_clip_config.json")
        // The hidden width of the text tower is 96 here, which OpenCLIP cannot say.
        let mismatch = #expect(throws: WeightMismatch.self) { try CLIPModel.load(folder.path) }
        #expect(mismatch?.wrongShapes.count == 6)
        #expect(mismatch?.missing.isEmpty == true && mismatch?.unexpected.isEmpty == true)
        _ = model
    }

    @Test func whatIsMissingOrTooMuchIsListed() throws {
        let folder = try TemporaryFolder()
        let model = try CLIPModel(.tinyTransformer, format: .openAI)
        try model.store.initialize(seed: 3)
        var tensors = try model.store.stored()
        tensors.removeAll { $0.name == "ln_final.bias" }
        tensors.append(try Tensor.zeros([2]).stored(named: "visual.extra"))
        let path = folder.path + "/clip.safetensors"
        try Safetensors.write(tensors, to: path)
        let mismatch = #expect(throws: WeightMismatch.self) {
            try CLIPModel.load(path, options: .init(activation: .gelu))
        }
        #expect(mismatch?.missing == ["ln_final.bias"])
        #expect(mismatch?.unexpected == ["visual.extra"])
    }

    @Test func whatIsNoCLIPIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/other.safetensors"
        try Safetensors.write([try Tensor.zeros([2]).stored(named: "weight")], to: path)
        let error = #expect(throws: CLIPError.self) { try CLIPModel.load(path) }
        #expect(error?.description.contains("is not a CLIP") == true)
        #expect(throws: CLIPError.self) { try CLIPModel.load(folder.path) }
        #expect(throws: HubError.self) { try CLIPModel.load(folder.path + "/nothing") }
    }

    /// Precision, naming and container do not change who a CLIP is; weights do.
    @Test func identityIsThatOfTheWeights() throws {
        let folder = try TemporaryFolder()
        let model = try saved(.tinyTransformer, format: .openAI, in: folder, "clip.safetensors")
        let identity = try model.identity()
        let path = folder.path + "/clip.safetensors"
        let options = CLIPModel.LoadingOptions(dtype: .bfloat16, activation: .quickGELU)
        #expect(try CLIPModel.load(path, options: options).identity() == identity)

        let renamed = try CLIPModel(.tinyTransformer, format: .huggingFace)
        let weight = try #require(renamed.store["text_projection.weight"])
        try renamed.store.initialize(seed: 1)
        func copy(_ source: String, _ target: String, transposed: Bool = false) throws {
            let value = try #require(model.store[source]).value
            try #require(renamed.store[target]).set(transposed ? value.transposed(0, 1).contiguous() : value)
        }
        try copy("token_embedding.weight", "text_model.embeddings.token_embedding.weight")
        try copy("text_projection", "text_projection.weight", transposed: true)
        try copy("visual.proj", "visual_projection.weight", transposed: true)
        try copy("logit_scale", "logit_scale")
        #expect(try renamed.identity() == identity)
        try weight.set(weight.value + 0.5)
        #expect(try renamed.identity() != identity)
    }

    /// Weights of the wanted type stay in the mapped file.
    @Test func loadingMakesNoSecondCopy() throws {
        let folder = try TemporaryFolder()
        _ = try saved(.tinyTransformer, format: .openAI, in: folder, "clip.safetensors")
        let file = try Safetensors(contentsOf: folder.path + "/clip.safetensors")
        let model = try CLIPModel(.tinyTransformer)
        try model.store.loadFrozen(file)
        for parameter in model.store.parameters where parameter.dtype == .float32 {
            let stored = try file.tensor(named: parameter.name)
            let start = stored.storage.pointer + stored.storageOffset * 4
            #expect(try parameter.value.withPointer { $0 == start }, "\(parameter.name)")
        }
    }
}
