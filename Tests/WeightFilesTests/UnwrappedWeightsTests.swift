import FixtureSupport
import Testing

@testable import WeightFiles

@Suite struct UnwrappedWeightsTests {
    private func source(_ names: [String]) throws -> StoredTensors {
        StoredTensors(
            try names.enumerated().map { index, name in
                let value = Float(index)
                let storage = withUnsafeBytes(of: value) { TensorStorage(copying: $0) }
                return try StoredTensor(name: name, dtype: .float32, shape: [1], storage: storage)
            }, origin: "epoch.pt")
    }

    private func unwrapped(_ names: [String], _ signs: [String] = ["token.weight"]) throws
        -> UnwrappedWeights?
    {
        try UnwrappedWeights(source(names), knownBy: signs)
    }

    @Test(arguments: [
        ("", ""), ("state_dict.", "state_dict."), ("model._orig_mod.", "model."),
        ("module._orig_mod.", "module."),
        ("model_ema.", "model_ema."), ("state_dict.module.", "state_dict.module."),
        ("student.clip.", "student.clip."),
    ])
    func wrappersAreTakenOff(wrapper: String, prefix: String) throws {
        let weights = try #require(
            try unwrapped(["optimizer.state.0.exp_avg", wrapper + "token.weight", wrapper + "a._orig_mod.b"]))
        #expect(weights.prefix == prefix)
        #expect(weights.keys.filter { !$0.hasPrefix("optimizer") } == ["token.weight", "a.b"])
        #expect(try weights.tensor(named: "a.b").name == "a.b")
        #expect(weights.note == nil)
    }

    @Test func theTrainedSetIsTakenAndTheOthersAreNamed() throws {
        for names in [["model_ema", "model"], ["model", "model_ema"]] {
            let weights = try #require(try unwrapped(names.map { $0 + ".token.weight" }))
            #expect(weights.keys == ["token.weight"])
            #expect(weights.prefix == "model.")
            #expect(weights.note == "epoch.pt: the weights of 'model' are used, not those of 'model_ema'")
            let value = try weights.tensor(named: "token.weight").bytes().withUnsafeBytes {
                $0.load(as: Float.self)
            }
            #expect(value == Float(names.firstIndex(of: "model") ?? -1))
        }
    }

    @Test(arguments: [["ema", "teacher"], ["model", "state_dict"]]) func severalSetsAreRefusedByName(
        names: [String]
    ) {
        let error = #expect(throws: WeightFileError.self) {
            try unwrapped(names.map { $0 + ".token.weight" })
        }
        #expect(
            error?.description
                == "epoch.pt: contains 2 sets of weights: \(names[0]), \(names[1]); save the intended set in its own file"
        )
    }

    @Test func beginningsOfNames() throws {
        let names = ["model.backbone.fpn.weight", "model.roi_heads.box_head.fc1.weight"]
        let weights = try #require(try unwrapped(names, ["backbone.", "roi_heads."]))
        #expect(weights.keys == ["backbone.fpn.weight", "roi_heads.box_head.fc1.weight"])
        #expect(try unwrapped(["a.b"], ["backbone."]) == nil)
    }
}
