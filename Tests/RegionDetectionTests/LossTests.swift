import RegionDetection
import Testing

@Suite struct LossTests {
    @Test func backgroundWeightMultipliesTerms() throws {
        // Two regions, logits equal: each term is log 2. The background's counts 0.9.
        let logits = try Tensor.zeros([2, 2])
        let loss = try ClassificationLoss.softmax(backgroundWeight: 0.9)(logits, classes: Tensor([0, 1]))
        #expect(abs(try loss.number() - 0.6931472 * (0.9 + 1) / 2) < 1e-6)
        // PyTorch's weighted mean divides by the sum of weights, 1.9, and would give log 2.
        let weighted = try logits.crossEntropy(Tensor([0, 1]), weight: Tensor([0.9, 1] as [Float]))
        #expect(abs(try weighted.number() - 0.6931472) < 1e-6)
    }

    @Test func contrastiveLossIsThatOfScaledCosines() throws {
        let cosines = try Tensor([[0.1, 0.9], [0.4, 0.2]] as [[Float]])
        let loss = try ClassificationLoss.contrastive()(cosines, classes: Tensor([1, 0]))
        #expect(try loss.allClose(to: (cosines / 0.07).crossEntropy(Tensor([1, 0]))))
    }

    @Test func sigmoidAndFocal() throws {
        let random = try RandomBoxes(seed: 51)
        let logits = try random.numbers([6, 4], from: -3, to: 3)
        let classes = try Tensor([0, 1, 3, 0, 2, 0])
        let sigmoid = try ClassificationLoss.sigmoid.callAsFunction(logits, classes: classes).number()
        // Without focus and balance it is half the plain loss, over 3 foreground instead of 6 regions.
        let flat = try ClassificationLoss.focal(alpha: 0.5, gamma: 0)(logits, classes: classes).number()
        #expect(abs(flat - sigmoid * 6 / 3 / 2) < 1e-5)
        // One wrong class with probability 3/4: -(1 - alpha) (3/4)^2 log(1/4).
        let one = try ClassificationLoss.focal()(
            Tensor([[5, 1.0986123]] as [[Float]]), classes: Tensor([0])
        ).number()
        #expect(abs(one - 0.75 * 0.5625 * 1.3862944) < 1e-5)
    }

    @Test(arguments: [
        ClassificationLoss.softmax(backgroundWeight: 0.2), .contrastive(), .sigmoid, .focal(),
    ])
    func ignoredRegionsDoNotCount(_ loss: ClassificationLoss) throws {
        let logits = try RandomBoxes(seed: 52).numbers([3, 4], from: -3, to: 3).requiringGrad()
        let all = try loss(logits, classes: Tensor([2, -1, 0]))
        let some = try loss(Tensor.stack([logits[0], logits[2]]), classes: Tensor([2, 0]))
        #expect(try all.allClose(to: some))
        try all.backward()
        #expect(try #require(logits.grad)[1].abs().sum().number() == 0)
        #expect(try loss(Tensor.zeros([0, 4]), classes: Tensor.zeros([0], dtype: .int64)).number() == 0)
        #expect(try loss(Tensor.zeros([2, 4]), classes: Tensor([-1, -1])).number() == 0)
        #expect(throws: DetectionError.self) { try loss(Tensor.zeros([1, 4]), classes: Tensor([4])) }
        #expect(throws: DetectionError.self) { try loss(Tensor.zeros([2, 4]), classes: Tensor([1])) }
    }

    @Test func generalizedIoU() throws {
        let boxes = try Boxes([[0, 0, 2, 2], [0, 0, 1, 1], [3, 3, 3, 3]])
        let others = try Boxes([[0, 0, 2, 2], [2, 0, 3, 1], [3, 3, 3, 3]])
        // Equal: 1. One apart from the other by its own width: 0 - (3 - 2) / 3. Without area: finite.
        let values: [Float] = try BoxLoss.generalizedIoU(boxes, others).array()
        #expect(abs(values[0] - 1) < 1e-5 && abs(values[1] + 1.0 / 3) < 1e-5 && values[2].isFinite)
    }

    @Test(arguments: [BoxLoss.l1, .smoothL1(beta: 0.5), .huber(delta: 0.5), .generalizedIoU])
    func equalDeltasCostNothing(_ loss: BoxLoss) throws {
        let sources = try Boxes([[0, 0, 10, 10], [5, 5, 20, 30]])
        let targets = try RandomBoxes(seed: 53).numbers([2, 4], from: -0.5, to: 0.5)
        let predicted = try targets.clone().requiringGrad()
        let none = try loss.sum(predicted, targets, sources: sources, coder: BoxCoder())
        #expect(abs(try none.number()) < 1e-4)
        let some = try loss.sum(predicted + 0.2, targets, sources: sources, coder: BoxCoder())
        #expect(try some.number() > 0.01)
        try some.backward()
        #expect(try #require(predicted.grad).isFinite().all().number() == 1)
        let empty = try loss.sum(
            Tensor.zeros([0, 4]), Tensor.zeros([0, 4]), sources: .none(), coder: BoxCoder())
        #expect(try empty.number() == 0)
    }

    @Test(arguments: [RegionBoxNormalizer.regions, .foregroundCoordinates])
    func regionsWithoutForeground(_ normalizer: RegionBoxNormalizer) throws {
        let deltas = try Tensor.ones([2, 4]).requiringGrad()
        let sources = try Boxes([[0, 0, 1, 1], [0, 0, 1, 1]])
        func loss(_ classes: [Int]) throws -> Tensor {
            try regionBoxLoss(
                deltas, targets: Tensor.zeros([2, 4]), classes: Tensor(classes), sources: sources,
                coder: BoxCoder(), loss: .l1, normalizer: normalizer)
        }
        let none = try loss([0, -1])
        #expect(try none.number() == 0)
        try none.backward()
        #expect(try #require(deltas.grad).abs().sum().number() == 0)
        // Four coordinates that are wrong by one, of one region out of two.
        #expect(try loss([0, 3]).number() == (normalizer == .regions ? 2 : 1))
    }

    @Test func masks() throws {
        let logits = try Tensor.zeros([2, 1, 4, 4]).requiringGrad()
        let targets = try Tensor.ones([2, 4, 4], dtype: .bool)
        #expect(abs(try maskLoss(logits, targets: targets).number() - 0.6931472) < 1e-6)
        let none = try maskLoss(logits, targets: targets, classes: Tensor([0, 0]))
        #expect(try none.number() == 0)
        try none.backward()
        #expect(try #require(logits.grad).abs().sum().number() == 0)
        #expect(throws: DetectionError.self) { try maskLoss(logits, targets: Tensor.ones([2, 5, 4])) }
    }

    @Test("B39: wrappers of trainers are taken off, other networks are told")
    func checkpointsOfOtherNetworksAreTold() throws {
        struct Other: WeightSource {
            let origin = "other.pth"
            let keys = ["layer1.weight"]
            func tensor(named name: String) throws -> StoredTensor {
                try Tensor.ones([1]).stored(named: name)
            }
        }
        for wrapper in ["", "state_dict.", "model._orig_mod.", "model_ema.", "model.module."] {
            let weight = try Tensor.ones([1]).stored(named: wrapper + "backbone.fpn_lateral2.weight")
            _ = try Detectron2Checkpoint(StoredTensors([weight]))
        }
        #expect { try Detectron2Checkpoint(Other()) } throws: { "\($0)".contains("other.pth") }
    }
}
