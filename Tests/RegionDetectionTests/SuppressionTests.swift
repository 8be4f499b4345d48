import Testing
import TorchFixtures

@testable import RegionDetection

@Suite(.serialized) struct SuppressionTests {
    /// The definition, box by box.
    private func plain(_ boxes: Boxes, _ scores: [Float], _ threshold: Double, inclusive: Bool) throws
        -> [Int64]
    {
        let numbers = try boxes.tensor.array(of: Float.self)
        func box(_ i: Int) -> [Float] { Array(numbers[(4 * i)..<(4 * i + 4)]) }
        func area(_ b: [Float]) -> Float { (b[2] - b[0]) * (b[3] - b[1]) }
        var kept: [Int] = []
        for i in scores.indices.sorted(by: { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }) {
            let suppressed = kept.contains { j in
                let (a, b) = (box(i), box(j))
                let width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
                let height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
                let overlap = width * height / (area(b) + area(a) - width * height)
                return inclusive ? overlap >= Float(threshold) : Double(overlap) > threshold
            }
            if !suppressed { kept.append(i) }
        }
        return kept.map(Int64.init)
    }

    @Test(arguments: [0.0, 0.3, 0.5, 0.75, 1.0], [false, true])
    func equalsTheDefinition(_ threshold: Double, inclusive: Bool) throws {
        let random = try RandomBoxes(seed: 21)
        let suppression = try NonMaximumSuppression(threshold: threshold, includesThreshold: inclusive)
        for count in [1, 15, 16, 17, 150] {
            let some = try random.boxes(count, height: 40, width: 40, side: 25)
            // Repetitions, boxes without area, inverted ones; few different scores.
            let boxes = try Boxes.cat([some, some, Boxes([[3, 3, 3, 3], [3, 3, 3, 3], [9, 9, 4, 4]])])
            let scores = try (random.numbers([boxes.count]) * 8).rounded() / 8
            let kept = try suppression(boxes, scores: scores).array(of: Int64.self)
            #expect(kept == (try plain(boxes, scores.array(), threshold, inclusive: inclusive)))
            #expect(
                try suppression(boxes, scores: scores, limit: 3).array(of: Int64.self)
                    == Array(kept.prefix(3)))
        }
    }

    @Test func classesLeaveEachOtherAlone() throws {
        let random = try RandomBoxes(seed: 22)
        let boxes = try random.boxes(300, height: 60, width: 60, side: 30)
        let scores = try random.numbers([300])
        let classes = try Tensor((0..<300).map { Int64($0 * $0 % 7 - 3) })
        let suppression = try NonMaximumSuppression(threshold: 0.5)
        let kept = try suppression(boxes, scores: scores, classes: classes).array(of: Int64.self)
        var wanted: [Int64] = []
        for value in -3...3 {
            let rows = try (classes .== value).nonzeroIndices().flattened()
            let own = try suppression(boxes.selected(rows), scores: scores.indexSelected(0, rows))
            wanted += try rows.indexSelected(0, own).array(of: Int64.self)
        }
        let values: [Float] = try scores.array()
        #expect(kept == wanted.sorted { values[Int($0)] > values[Int($1)] })
        let results = try [1, 2, 3].map { threads in
            try withThreads(threads) {
                try suppression(boxes, scores: scores, classes: classes).array(of: Int64.self)
            }
        }
        #expect(results.allSatisfy { $0 == kept })
    }

    @Test func sharedBoxesGiveTheSameAsEveryClassAlone() throws {
        let random = try RandomBoxes(seed: 23)
        let boxes = try random.boxes(130, height: 60, width: 60, side: 30)
        let scores = try (random.numbers([130, 9]) * 50).rounded() / 50
        let suppression = try NonMaximumSuppression(threshold: 0.4)
        var wanted: [(score: Float, row: Int32, column: Int32)] = []
        for column in 0..<9 {
            let own = try scores.selected(1, column)
            let rows = try (own .> Float(0.3)).nonzeroIndices().flattened()
            let kept = try suppression(boxes.selected(rows), scores: own.indexSelected(0, rows))
            let values: [Float] = try own.array()
            for row in try rows.indexSelected(0, kept).array(of: Int32.self) {
                wanted.append((values[Int(row)], row, Int32(column)))
            }
        }
        wanted.sort { ($1.score, $0.row, $0.column) < ($0.score, $1.row, $1.column) }
        for largestTable in [0, 8192] {
            let found = try suppression.perClass(
                boxes, scores: scores, scoreThreshold: 0.3, candidates: nil, limitPerClass: nil, limit: nil,
                largestTable: largestTable)
            #expect(found.rows == wanted.map(\.row) && found.classes == wanted.map(\.column))
            #expect(found.scores == wanted.map(\.score))
        }
        let few = try suppression.perClass(boxes, scores: scores, scoreThreshold: 0.3, limit: 5)
        #expect(few.rows == wanted.prefix(5).map(\.row))
        let one = try suppression.perClass(boxes, scores: scores, scoreThreshold: 0.3, limitPerClass: 1)
        #expect(one.rows.count == 9)
        let best = try suppression.perClass(boxes, scores: scores, scoreThreshold: 0.3, candidates: 1)
        #expect(Set(best.classes).count == 9 && best.rows.count == 9)
    }

    @Test func nothingAndNonsense() throws {
        let suppression = try NonMaximumSuppression(threshold: 0.5)
        #expect(try suppression(.none(), scores: Tensor.zeros([0])).shape == [0])
        let none = try suppression.perClass(.none(), scores: Tensor.zeros([0, 4]), scoreThreshold: 0)
        #expect(none.rows.isEmpty)
        #expect(
            try suppression.perClass(.none(), scores: Tensor.zeros([0, 0]), scoreThreshold: 0).rows.isEmpty)
        let box = try Boxes([[0, 0, 1, 1]])
        #expect(throws: DetectionError.self) { try suppression(box, scores: Tensor([Float.nan])) }
        #expect(throws: DetectionError.self) { try suppression(box, scores: Tensor.zeros([2])) }
        #expect(throws: DetectionError.self) {
            try suppression(Boxes([[0, 0, .infinity, 1]]), scores: Tensor([Float(1)]))
        }
        #expect(throws: DetectionError.self) {
            try suppression.perClass(box, scores: Tensor([[Float.nan]]), scoreThreshold: 0)
        }
        #expect(throws: DetectionError.self) { try NonMaximumSuppression(threshold: 1.5) }
        #expect(throws: DetectionError.self) { try NonMaximumSuppression(threshold: .nan) }
        // Infinite scores have an order.
        #expect(
            try suppression(Boxes.cat([box, box]), scores: Tensor([-Float.infinity, .infinity]))
                .array(of: Int.self) == [1])
    }

    @Test func thresholdsAreComparedAsNumbersOfMoreDigits() throws {
        // The float next to 0.3 is above 0.3: an overlap of exactly three tenths is more than the threshold, as in
        // torchvision, which compares with a double.
        let boxes = try Boxes([[0, 0, 10, 10], [0, 0, 3, 10]])
        let scores = try Tensor([2, 1] as [Float])
        #expect(try NonMaximumSuppression(threshold: 0.3)(boxes, scores: scores).count == 1)
        #expect(
            try NonMaximumSuppression(threshold: 0.3, includesThreshold: true)(boxes, scores: scores).count
                == 1)
        let half = try Boxes([[0, 0, 10, 10], [0, 0, 5, 10]])
        #expect(try NonMaximumSuppression(threshold: 0.5)(half, scores: scores).count == 2)
        #expect(
            try NonMaximumSuppression(threshold: 0.5, includesThreshold: true)(half, scores: scores).count
                == 1)
    }
}
