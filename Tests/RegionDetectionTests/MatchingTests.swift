import RegionDetection
import Testing
import TorchFixtures

@Suite struct MatcherTests {
    @Test func withoutTheTableOfOverlapsTheResultIsTheSame() throws {
        let random = try RandomBoxes(seed: 5)
        for (count, truth) in [(1, 1), (37, 4), (1000, 23)] {
            let boxes = try random.boxes(count, height: 100, width: 120, side: 60)
            let objects = try random.boxes(truth, height: 100, width: 120, side: 60)
            let table = try objects.intersectionOverUnion(with: boxes)
            for matcher in [Matcher.anchors(), .regions()] {
                let (left, right) = try (matcher(boxes, groundTruth: objects), matcher(overlaps: table))
                #expect(try left.labels.isEqual(to: right.labels))
                #expect(try left.indices.isEqual(to: right.indices))
                #expect(try left.overlaps.allClose(to: right.overlaps))
            }
        }
    }

    @Test func resultsDoNotDependOnThreads() throws {
        let random = try RandomBoxes(seed: 6)
        let boxes = try random.boxes(20_000, height: 300, width: 300, side: 90)
        let objects = try random.boxes(9, height: 300, width: 300, side: 90)
        let results = try [1, 2, 3].map { count in
            try withThreads(count) { try Matcher.anchors()(boxes, groundTruth: objects).labels }
        }
        #expect(try results.allSatisfy { try $0.isEqual(to: results[0]) })
    }

    @Test func imagesWithoutObjectsAreNegative() throws {
        let boxes = try Boxes([[0, 0, 1, 1], [1, 1, 2, 2]])
        let matches = try Matcher.anchors()(boxes, groundTruth: .none())
        #expect(try matches.labels.array(of: Int.self) == [0, 0])
        #expect(try Matcher.anchors()(.none(), groundTruth: boxes).labels.count == 0)
    }

    @Test func crowdsHideNegatives() throws {
        let boxes = try Boxes([[0, 0, 10, 10], [100, 100, 110, 110], [20, 20, 30, 30]])
        let matcher = Matcher.regions()
        let matches = try matcher(boxes, groundTruth: Boxes([[0, 0, 10, 10]]))
        let hidden = try matcher.ignoring(Boxes([[0, 0, 50, 50]]), of: matches, boxes: boxes)
        #expect(try hidden.labels.array(of: Int.self) == [1, 0, -1])
    }

    @Test func undefinedNumbers() throws {
        let broken = try Boxes([[0, 0, .nan, 10], [0, 0, 10, 10]])
        let truth = try Boxes([[0, 0, 10, 10]])
        #expect(try Matcher.regions()(broken, groundTruth: truth).labels.array(of: Int.self) == [0, 1])
        #expect(throws: DetectionError.self) { try Matcher.regions()(truth, groundTruth: broken) }
        #expect(throws: DetectionError.self) {
            try Matcher(thresholds: [0.7, 0.3], labels: [0, -1, 1], allowsLowQualityMatches: false)
        }
    }
}

@Suite struct BalancedSamplerTests {
    @Test func countsAndRepetition() throws {
        let labels = try Tensor((0..<1000).map { $0 % 10 == 0 ? 1 : $0 % 10 == 1 ? -1 : 0 })
        let sampler = try BalancedSampler(count: 64, positiveFraction: 0.25)
        let sample = try sampler(labels, generator: Generator(seed: 7))
        #expect(sample.positive.count == 16 && sample.negative.count == 48)
        #expect(try labels.indexSelected(0, sample.positive).array(of: Int.self).allSatisfy { $0 == 1 })
        #expect(try labels.indexSelected(0, sample.negative).array(of: Int.self).allSatisfy { $0 == 0 })
        #expect(Set(try sample.negative.array(of: Int.self)).count == 48)
        let (again, other) = try (
            sampler(labels, generator: Generator(seed: 7)), sampler(labels, generator: Generator(seed: 8))
        )
        #expect(try again.negative.isEqual(to: sample.negative))
        #expect(try !other.negative.isEqual(to: sample.negative))
    }

    @Test func negativesTakeThePlacesOfMissingPositives() throws {
        let labels = try Tensor([0, 0, 1, 0, -1])
        let sampler = try BalancedSampler(count: 4, positiveFraction: 0.5)
        let sampled = try sampler.sampledLabels(labels, generator: Generator(seed: 0))
        #expect(try sampled.array(of: Int.self) == [0, 0, 1, 0, -1])
        let none = try sampler(Tensor.zeros([0], dtype: .int64), generator: Generator(seed: 0))
        #expect(none.positive.count == 0 && none.negative.count == 0)
        #expect(throws: DetectionError.self) { try BalancedSampler(count: -1, positiveFraction: 0.5) }
    }
}

@Suite struct RegionSamplerTests {
    private func sampler(_ count: Int) throws -> RegionSampler {
        RegionSampler(
            matcher: .regions(), sampler: try BalancedSampler(count: count, positiveFraction: 0.25))
    }

    @Test func foregroundComesFirstWithItsObject() throws {
        let truth = try Boxes([[0, 0, 10, 10], [40, 40, 60, 60]])
        let proposals = try Boxes([[100, 100, 120, 120], [41, 41, 60, 60], [0, 0, 4, 4]])
        let sample = try sampler(512)(
            proposals, groundTruth: truth, classes: Tensor([3, 7]), generator: Generator(seed: 0))
        #expect(sample.foregroundCount == 3)
        #expect(try sample.classes.array(of: Int.self) == [7, 3, 7, 0, 0])
        #expect(try sample.targets.tensor[0].array(of: Float.self) == [40, 40, 60, 60])
        // Background has itself for a target: its deltas are zero.
        #expect(try sample.targets.tensor[3].array(of: Float.self) == [100, 100, 120, 120])
    }

    @Test func imagesWithoutObjects() throws {
        let sample = try sampler(4)(
            Boxes([[0, 0, 4, 4], [0, 0, 5, 5]]), groundTruth: .none(),
            classes: Tensor.zeros([0], dtype: .int64),
            generator: Generator(seed: 0))
        #expect(sample.foregroundCount == 0)
        #expect(try sample.classes.array(of: Int.self) == [0, 0])
        let empty = try sampler(4)(
            .none(), groundTruth: .none(), classes: Tensor.zeros([0], dtype: .int64),
            generator: Generator(seed: 0))
        #expect(empty.boxes.count == 0)
    }

    @Test func classesStartFromOne() throws {
        #expect(throws: DetectionError.self) {
            try sampler(4)(
                .none(), groundTruth: Boxes([[0, 0, 1, 1]]), classes: Tensor([0]),
                generator: Generator(seed: 0))
        }
        #expect(throws: DetectionError.self) {
            try sampler(4)(
                .none(), groundTruth: Boxes([[0, 0, 1, 1]]), classes: Tensor([1, 1]),
                generator: Generator(seed: 0))
        }
    }
}
