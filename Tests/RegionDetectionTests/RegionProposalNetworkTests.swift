import RegionDetection
import Testing

@Suite struct RegionProposalNetworkTests {
    private let store = ParameterStore()

    private func network(_ configuration: RegionProposalNetwork.Configuration) throws -> RegionProposalNetwork
    {
        let anchors = try AnchorGenerator(sizes: [[16], [32]], ratios: [0.5, 1, 2], strides: [8, 16])
        let network = try RegionProposalNetwork(
            store.root, head: .init(width: 4), anchors: anchors, configuration)
        try store.initialize(seed: 0)
        return network
    }

    private func features(_ batch: Int = 2) throws -> [Tensor] {
        let random = try RandomBoxes(seed: 41)
        return try [
            random.numbers([batch, 4, 8, 10], from: -5, to: 5),
            random.numbers([batch, 4, 4, 5], from: -5, to: 5),
        ]
    }

    @Test(arguments: [false, true]) func proposalsStayInsideTheirImage(published: Bool) throws {
        let network = try network(published ? .published() : .detectron2())
        let sizes = [Size2D(64, 80), Size2D(40, 33)]
        let proposals = try network(features(), sizes: sizes)
        for (image, size) in sizes.enumerated() {
            let boxes = proposals.boxes[image]
            #expect(boxes.count > 0)
            let border: Boxes.Border = published ? .lastPixel : .edge
            #expect(try boxes.clipped(to: size, border: border).tensor.isEqual(to: boxes.tensor))
            let logits: [Float] = try proposals.logits[image].array()
            #expect(logits == logits.sorted(by: >))
            #expect(!boxes.tensor.requiresGrad)
        }
        // The proposals of an image do not depend on the others of its batch.
        let alone = try network(
            features().map { try $0.narrowed(0, start: 1, length: 1) }, sizes: [sizes[1]])
        #expect(try alone.boxes[0].tensor.allClose(to: proposals.boxes[1].tensor, absolute: 1e-3))
    }

    @Test(arguments: [false, true]) func imagesWithoutObjectsTeachTheBackgroundOnly(published: Bool) throws {
        let network = try network(published ? .published() : .detectron2())
        store.train()
        let proposals = try network(features(), sizes: [Size2D(64, 80), Size2D(40, 33)])
        let targets = try network.targets(
            grids: [Size2D(8, 10), Size2D(4, 5)], groundTruth: [.none(), .none()],
            generator: Generator(seed: 0))
        #expect(try targets.labels.max().number() == 0)
        let losses = try network.losses(
            proposals, groundTruth: [.none(), .none()], generator: Generator(seed: 0))
        #expect(try losses.boxes.number() == 0)
        #expect(try losses.objectness.number() > 0)
        try (losses.boxes + losses.objectness).backward()
        #expect(try store.parameters.allSatisfy { try $0.grad?.isFinite().all().number() == 1 })
    }

    @Test func crowdsAreNotBackground() throws {
        let network = try network(.detectron2())
        let grids = [Size2D(8, 10), Size2D(4, 5)]
        func negatives(_ ignored: [Boxes]?) throws -> Double {
            let targets = try network.targets(
                grids: grids, groundTruth: [.none()], ignored: ignored, generator: Generator(seed: 0))
            return try (targets.labels .== 0).to(.int64).sum().number()
        }
        #expect(try negatives(nil) == 256)
        #expect(try negatives([Boxes([[-100, -100, 200, 200]])]) == 0)
    }

    @Test func samplesAreRepeatable() throws {
        let network = try network(.detectron2())
        let labels = try [3, 3, 4].map { seed in
            try network.targets(
                grids: [Size2D(8, 10), Size2D(4, 5)], groundTruth: [Boxes([[4, 4, 20, 30]])],
                generator: Generator(seed: seed)
            ).labels
        }
        #expect(try labels[0].isEqual(to: labels[1]) && !labels[0].isEqual(to: labels[2]))
    }

    @Test func overflowIsToldInTrainingAndLeftOutOtherwise() throws {
        let network = try network(.detectron2())
        let plain = try network.head(features())
        let logits = try plain.logits.map { try $0.detached().clone() }
        let deltas = try plain.deltas.map { try $0.detached().clone() }
        try logits[0].set(0, 0, 0, 0, to: Double.nan)
        try logits[0].set(0, 1, 2, 2, to: Double.infinity)
        try deltas[1].set(0, 3, 1, 1, to: -Double.infinity)
        let broken = RegionProposalHead.Predictions(logits: logits, deltas: deltas)
        let sizes = [Size2D(64, 80), Size2D(64, 80)]
        let proposals = try network.proposals(from: broken, sizes: sizes)
        #expect(try proposals.boxes[0].areFinite().all().number() == 1)
        #expect(try proposals.logits[0].isFinite().all().number() == 1)
        store.train()
        #expect {
            try network.proposals(from: broken, sizes: sizes)
        } throws: {
            "\($0)".contains("diverged")
        }
        #expect(throws: DetectionError.self) { try network.proposals(from: plain, sizes: [sizes[0]]) }
        #expect(throws: DetectionError.self) {
            try network.targets(
                grids: [Size2D(8, 10), Size2D(4, 5)], groundTruth: [Boxes([[0, 0, .nan, 4]])],
                generator: Generator(seed: 0))
        }
    }

    @Test func anImageOfNoSizeHasNoProposals() throws {
        let network = try network(.detectron2())
        #expect(try network(features(1), sizes: [Size2D(0, 0)]).boxes[0].count == 0)
    }

    @Test func headAndAnchorsMustAgree() throws {
        #expect(throws: DetectionError.self) {
            try RegionProposalNetwork(
                store.root / "other", head: .init(width: 4, anchorsPerCell: 2), anchors: .detectron2(),
                .detectron2())
        }
        let head = try RegionProposalHead(store.root / "published", .published(width: 4, levels: [2, 3]))
        try store.initialize(seed: 0)
        #expect(throws: DetectionError.self) { try head([Tensor.ones([1, 4, 2, 2])]) }
    }
}
