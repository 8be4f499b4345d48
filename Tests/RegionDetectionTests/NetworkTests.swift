import RegionDetection
import Testing

@Suite struct ParameterCountTests {
    /// The published heads on each of OpenAI's residual networks: width of the stem and of the text embeddings.
    @Test(arguments: [
        (64, 1024, 3_934_720, 16_263_172, 24_012_565), (80, 640, 4_180_480, 15_869_956, 23_865_109),
        (96, 768, 4_426_240, 16_001_028, 24_241_941), (128, 1024, 4_917_760, 16_263_172, 24_995_605),
    ])
    func publishedHeads(stem: Int, embedding: Int, pyramid: Int, box: Int, total: Int) throws {
        let store = ParameterStore()
        _ = try FeaturePyramid(store.root / "fpn", .published(inputs: [4, 8, 16, 32].map { $0 * stem }))
        _ = try RegionProposalHead(store.root / "rpn_head", .published())
        let head = try BoxHead(store.root / "box_head", .published())
        _ = try RegionPredictor(
            store.root / "region", width: head.configuration.outputWidth, embeddingWidth: embedding)
        _ = try MaskHead(store.root / "mask_head", .published())
        _ = try TextClassifier(store.root)
        #expect(store.weightCount(under: "fpn") == pyramid)
        #expect(store.weightCount(under: "rpn_head") == 1_189_135)
        #expect(store.weightCount(under: "box_head") + store.weightCount(under: "region") == box)
        #expect(store.weightCount(under: "mask_head") == 2_625_537)
        #expect(store.weightCount() == total)
    }
}

@Suite struct PyramidTests {
    @Test func sizesThatCannotBeHalved() throws {
        for configuration in [
            FeaturePyramid.Configuration(inputs: [3, 4, 5], width: 6, firstLevel: 3),
            .init(inputs: [3, 4, 5], width: 8, normalization: .group(groups: 4), lastLevel: .none),
            .published(inputs: [3, 4, 5], width: 6),
        ] {
            let store = ParameterStore()
            let pyramid = try FeaturePyramid(store.root, configuration)
            try store.initialize(seed: 0)
            let maps = try pyramid(
                [[3, 25, 19], [4, 13, 10], [5, 7, 5]].map { try Tensor.ones([2] + $0) })
            #expect(maps.prefix(3).map { Array($0.shape.dropFirst(2)) } == [[25, 19], [13, 10], [7, 5]])
            #expect(maps.count == configuration.strides.count)
            if maps.count > 3 { #expect(Array(maps[3].shape.dropFirst(2)) == [4, 3]) }
            #expect(throws: DetectionError.self) { try pyramid([Tensor.ones([1, 3, 4, 4])]) }
        }
    }

    @Test func namesAreDetectron2s() throws {
        let store = ParameterStore()
        _ = try FeaturePyramid(store.root, .init(inputs: [3, 4], width: 8, normalization: .group(groups: 2)))
        #expect(
            Set(store.parameters.map(\.name)) == [
                "fpn_lateral2.weight", "fpn_lateral2.norm.weight", "fpn_lateral2.norm.bias",
                "fpn_lateral3.weight", "fpn_lateral3.norm.weight", "fpn_lateral3.norm.bias",
                "fpn_output2.weight", "fpn_output2.norm.weight", "fpn_output2.norm.bias",
                "fpn_output3.weight", "fpn_output3.norm.weight", "fpn_output3.norm.bias",
            ])
    }

    @Test func simplePyramidOfASingleMap() throws {
        let store = ParameterStore()
        let pyramid = try SimpleFeaturePyramid(store.root, inputs: 8, width: 6)
        try store.initialize(seed: 0)
        let maps = try pyramid(Tensor.ones([1, 8, 6, 10]))
        #expect(
            maps.map { Array($0.shape.dropFirst()) } == [
                [6, 24, 40], [6, 12, 20], [6, 6, 10], [6, 3, 5], [6, 2, 3],
            ])
        // The places of detectron2's lists: two enlargements around a norm and an activation, then convolutions.
        #expect(
            Set(store.parameters.map(\.name)).isSuperset(of: [
                "simfp_2.0.weight", "simfp_2.1.weight", "simfp_2.3.weight", "simfp_2.4.weight",
                "simfp_2.5.norm.bias", "simfp_3.0.bias", "simfp_3.1.weight", "simfp_3.2.norm.weight",
                "simfp_4.0.weight", "simfp_4.1.weight", "simfp_5.1.weight", "simfp_5.2.norm.bias",
            ]))
        #expect(throws: DetectionError.self) { try SimpleFeaturePyramid(store.root / "a", inputs: 6) }
    }

    @Test func bilinearAdapterOfASingleMap() throws {
        let store = ParameterStore()
        let adapter = try BilinearAdapter(store.root, inputs: 5, outputs: [3, 4, 6, 7])
        try store.initialize(seed: 0)
        let maps = try adapter(Tensor.ones([2, 5, 3, 4]))
        #expect(maps.map(\.shape) == [[2, 3, 24, 32], [2, 4, 12, 16], [2, 6, 6, 8], [2, 7, 3, 4]])
        #expect(throws: DetectionError.self) {
            try BilinearAdapter(store.root / "b", inputs: 5, outputs: [3], scales: [1, 2])
        }
    }
}

@Suite struct HeadTests {
    @Test func withoutRegionsNothingMoves() throws {
        let store = ParameterStore()
        let box = try BoxHead(store.root / "box", .published(channels: 4, width: 6))
        let mask = try MaskHead(store.root / "mask", .published(channels: 4))
        let predictor = try RegionPredictor(store.root, width: 6, embeddingWidth: 5)
        try store.initialize(seed: 0)
        store.train()
        let vectors = try box(Tensor.zeros([0, 4, 7, 7]))
        #expect(vectors.shape == [0, 6])
        #expect(try predictor(vectors).deltas.shape == [0, 4])
        #expect(try mask(Tensor.zeros([0, 4, 14, 14])).shape == [0, 1, 28, 28])
        let counts = store.parameters.filter { $0.name.hasSuffix("num_batches_tracked") }
        #expect(try !counts.isEmpty && counts.allSatisfy { try $0.value.number() == 0 })
    }

    @Test func shapesAreChecked() throws {
        let store = ParameterStore()
        let head = try BoxHead(store.root / "box", .init(channels: 4, resolution: 3, fullyConnected: [5]))
        #expect(throws: DetectionError.self) { try head(Tensor.zeros([1, 4, 7, 7])) }
        let mask = try MaskHead(store.root / "mask", .init(channels: 4, convolutions: [4], width: 4))
        #expect(throws: DetectionError.self) { try mask(Tensor.zeros([1, 3, 7, 7])) }
    }

    @Test func vectorsWithoutFullyConnectedLayers() throws {
        let head = try BoxHead(ParameterStore().root, .init(channels: 4, resolution: 3, fullyConnected: []))
        let pooled = try Tensor.ones([2, 4, 3, 3])
        #expect(try head(pooled).shape == [2, head.configuration.outputWidth])
    }
}

@Suite struct TextClassifierTests {
    @Test(arguments: [1, 80, 1203]) func anyNumberOfClasses(_ count: Int) throws {
        let random = try RandomBoxes(seed: 31)
        let (embeddings, texts) = try (
            random.numbers([3, 5, 16], from: -1), random.numbers([count, 16], from: -1)
        )
        let store = ParameterStore()
        let classifier = try TextClassifier(store.root)
        try store.initialize(seed: 0)
        let logits = try classifier(embeddings, texts: texts)
        #expect(logits.shape == [3, 5, count])
        // Lengths do not matter.
        #expect(try logits.allClose(to: classifier(embeddings * 7, texts: texts * 0.1), absolute: 1e-3))
        // The learned factor divides.
        try #require(store["temperature"]).set(Tensor(scalar: Float(2)))
        #expect(try (classifier(embeddings, texts: texts) * 2).allClose(to: logits, absolute: 1e-3))
        let fixed = try TextClassifier(fixedTemperature: 0.01)(embeddings, texts: texts)
        #expect(try fixed.allClose(to: logits))
    }

    @Test func aVectorOfZerosIsLikeNothing() throws {
        let embeddings = try Tensor([[0, 0, 0], [1, 0, 0], [1e-9, 0, 0]] as [[Float]]).requiringGrad()
        let logits = try TextClassifier(fixedTemperature: 1)(
            embeddings, texts: Tensor([[2, 0, 0], [0, 0, 0]] as [[Float]]))
        #expect(try logits.array(of: Float.self) == [0, 0, 1, 0, 0, 0])
        try logits.sum().backward()
        #expect(try #require(embeddings.grad).isFinite().all().number() == 1)
    }

    @Test func ignoredClassesGetNothing() throws {
        let classifier = try TextClassifier(fixedTemperature: 0.1)
        let logits = try classifier(
            Tensor.ones([2, 4]), texts: Tensor.ones([3, 4]), ignored: Tensor([false, true, false]))
        #expect(try logits.softmax(1)[0].allClose(to: Tensor([0.5, 0, 0.5] as [Float])))
        #expect(throws: DetectionError.self) {
            try classifier(Tensor.ones([2, 4]), texts: Tensor.ones([3, 4]), ignored: Tensor([true]))
        }
        #expect(throws: DetectionError.self) {
            try classifier(Tensor.ones([2, 4]), texts: Tensor.ones([3, 5]))
        }
        #expect(throws: DetectionError.self) { try TextClassifier(fixedTemperature: 0) }
    }
}
