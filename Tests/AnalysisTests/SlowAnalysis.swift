import COCO

@testable import Analysis

/// Boxes of a few images with objects, detections near them, and noise.
struct RandomBoxes {
    var truth = Dataset()
    var detections = DetectionTable()

    init(
        seed: UInt64, images: Int = 6, classes: Int = 4, crowds: Bool = false, scoreSteps: Int = 1 << 20
    ) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        truth.categories = (0..<classes).map { Category(id: Int64(3 * $0), name: "class \($0)") }
        // Ids from 0 on: 0 is an id like others.
        var id: Int64 = 0
        for image in 0..<images {
            truth.images.append(
                ImageRecord(id: Int64(image), width: 200, height: 150, fileName: "day/\(image).jpg"))
            for _ in 0..<random(7) {
                let box = BoundingBox(
                    x: Double(random(140)), y: Double(random(100)), width: Double(10 + random(50)),
                    height: Double(10 + random(40)))
                let category = Int64(3 * random(classes - 1))
                truth.annotations.append(
                    AnnotationRecord(
                        id: id, imageID: Int64(image), categoryID: category, box: box, area: box.area,
                        isCrowd: crowds && random(5) == 0))
                id += 1
                for _ in 0..<random(4) {
                    let near = BoundingBox(
                        x: box.x + Double(random(15)) - 7, y: box.y + Double(random(15)) - 7,
                        width: box.width + Double(random(9)), height: box.height + Double(random(9)))
                    detections.append(
                        DetectionRecord(
                            imageID: Int64(image),
                            categoryID: random(3) == 0 ? Int64(3 * random(classes)) : category,
                            score: Double(1 + random(scoreSteps)) / Double(scoreSteps), box: near))
                }
            }
            for _ in 0..<random(3) {
                detections.append(
                    DetectionRecord(
                        imageID: Int64(image), categoryID: Int64(3 * random(classes)),
                        score: Double(1 + random(scoreSteps)) / Double(scoreSteps),
                        box: BoundingBox(
                            x: Double(random(150)), y: Double(random(100)), width: 30, height: 30)))
            }
        }
    }
}

/// TIDE's main errors written down as the paper has them, without regard to speed: the AP of each class is computed from
/// lists that every oracle makes anew.
struct SlowErrors {
    var averagePrecision = 0.0
    var costs: [ErrorAnalysis.Kind: Double] = [:]
    var counts: [ErrorAnalysis.Kind: Int] = [:]

    private struct Item {
        var row: Int
        var category: Int64
        var score: Double
        var found: Int?
        var isIgnored = false
        var kind: ErrorAnalysis.Kind?
        var target: Int?
    }

    init(_ truth: Dataset, _ table: DetectionTable, foreground: Double, background: Double) {
        let annotations = (0..<truth.annotations.count).map { truth.annotations[$0] }
        var items: [Item] = []
        var taken: Set<Int> = []
        for image in truth.images.ids {
            let objects = annotations.indices.filter { annotations[$0].imageID == image }
            var own: [Item] = []
            for row in (0..<table.count).filter({ table.imageIDs[$0] == image })
                .sorted(by: { table.scores[$0] > table.scores[$1] }).prefix(100)
            {
                var item = Item(row: row, category: table.categoryIDs[row], score: table.scores[row])
                func overlap(_ object: Int) -> Double {
                    table.boxes[row].overlap(
                        with: truth.annotations.boxes[object], isCrowd: annotations[object].isCrowd)
                }
                let same = objects.filter { annotations[$0].categoryID == item.category }
                let free = same.filter {
                    !annotations[$0].isCrowd && !taken.contains($0) && overlap($0) >= foreground
                }
                if let best = free.map(overlap).max() {
                    item.found = free.first { overlap($0) == best }
                    taken.insert(item.found!)
                } else {
                    item.isIgnored = same.contains { annotations[$0].isCrowd && overlap($0) > foreground }
                }
                own.append(item)
            }
            for index in own.indices where own[index].found == nil {
                let row = own[index].row
                let plain = objects.filter { !annotations[$0].isCrowd }
                func overlap(_ object: Int) -> Double {
                    table.boxes[row].overlap(with: truth.annotations.boxes[object])
                }
                func best(_ list: [Int]) -> (object: Int?, overlap: Double) {
                    let value = list.map(overlap).max() ?? 0
                    return (list.first { overlap($0) == value }, value)
                }
                let same = best(plain.filter { annotations[$0].categoryID == own[index].category })
                let other = best(plain.filter { annotations[$0].categoryID != own[index].category })
                if plain.isEmpty {
                    own[index].kind = .background
                } else if same.overlap >= background, same.overlap <= foreground {
                    (own[index].kind, own[index].target) = (.localization, same.object)
                } else if other.overlap >= foreground {
                    (own[index].kind, own[index].target) = (.classification, other.object)
                } else if same.overlap >= foreground {
                    own[index].kind = .duplicate
                } else {
                    own[index].kind = max(same.overlap, other.overlap) <= background ? .background : .both
                }
            }
            items += own
        }
        let plain = annotations.indices.filter { !annotations[$0].isCrowd }
        let missed = plain.filter { object in
            !taken.contains(object) && !items.contains { $0.target == object }
        }
        func mean(_ items: [(category: Int64, score: Double, isTrue: Bool)], without: [Int] = []) -> Double {
            var values: [Double] = []
            for category in truth.categories {
                let count = plain.count { annotations[$0].categoryID == category.id && !without.contains($0) }
                let own = items.filter { $0.category == category.id }.sorted { $0.score > $1.score }
                if own.isEmpty, count == 0 { continue }
                var sum = 0.0
                for step in 0...100 where count > 0 {
                    var found = 0
                    var best = 0.0
                    for (index, item) in own.enumerated() {
                        if item.isTrue { found += 1 }
                        if Double(found) / Double(count) >= Double(step) / 100 {
                            best = max(best, Double(found) / Double(index + 1))
                        }
                    }
                    sum += best
                }
                values.append(sum / 101 * 100)
            }
            return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        }
        func list(repairing kind: ErrorAnalysis.Kind?) -> [(category: Int64, score: Double, isTrue: Bool)] {
            items.compactMap { item in
                if item.found != nil { return (item.category, item.score, true) }
                if let kind, item.kind == kind {
                    guard let target = item.target, !taken.contains(target),
                        !items.contains(where: { $0.target == target && $0.score > item.score })
                    else { return nil }
                    return (annotations[target].categoryID, item.score, true)
                }
                return item.isIgnored ? nil : (item.category, item.score, false)
            }
        }
        averagePrecision = mean(list(repairing: nil))
        for kind in ErrorAnalysis.Kind.allCases {
            let repaired =
                kind == .missed
                ? mean(list(repairing: nil), without: missed) : mean(list(repairing: kind))
            costs[kind] = max(0, repaired - averagePrecision)
            counts[kind] = kind == .missed ? missed.count : items.count { $0.kind == kind }
        }
    }
}
