import CLIP
import Imaging
import RegionDetection
import Tiling
import Torch

/// The scored regions of the looks at a picture, in the picture's frame, before suppression.
///
/// Regions without a score above the threshold are not kept: memory is that of possible objects, whatever the number of looks.
struct TiledRegions: Sendable {
    /// The boxes in pixels of the picture.
    var boxes: [Box] = []

    /// The number of each box's look.
    var looks: [Int32] = []

    /// The box head's embedding of each region, of length 1; empty unless asked for.
    var embeddings: [[Float]] = []

    /// The masks of regions, as far as they were computed.
    var masks: [Int: MaskPatch] = [:]

    /// Pairs of a region and a class, by region, then by class.
    var pairs: [Pair] = []

    /// A class that a region may show.
    struct Pair: Sendable {
        var region: Int
        var column: Int32
        var score: Float
        var detectorScore: Float
        var vlmScore: Float
    }

    /// Appends the regions of later looks.
    mutating func append(_ other: TiledRegions) {
        let first = boxes.count
        boxes += other.boxes
        looks += other.looks
        embeddings += other.embeddings
        masks.merge(other.masks.map { (first + $0.key, $0.value) }) { $1 }
        pairs += other.pairs.map { pair in
            var pair = pair
            pair.region += first
            return pair
        }
    }

    /// Drops boxes that a look cuts and another one shows whole.
    mutating func dropCut(_ size: ImageSize, _ looks: [PictureLook]) {
        let isDropped = CutBoxes(size, looks: looks.map(\.tile)).dropped(
            pairs.map(lookBox))
        pairs = zip(pairs, isDropped).filter { !$1 }.map(\.0)
    }

    private func lookBox(_ pair: Pair) -> LookBox {
        LookBox(
            box: boxes[pair.region], score: pair.score, classIndex: pair.column, look: looks[pair.region])
    }

    /// The pairs that are left after suppression within each class and of what another look has found better, best first.
    func suppressed(classCount: Int, _ options: ScoringOptions, _ network: DetectorNetwork) throws -> [Pair] {
        guard !pairs.isEmpty else { return [] }
        let corners = boxes.flatMap { [Float($0.x1), Float($0.y1), Float($0.x2), Float($0.y2)] }
        let kept = try network.suppressed(
            Boxes(Tensor(corners, shape: [boxes.count, 4])),
            ScoredPairs(
                rows: pairs.map { Int32($0.region) }, classes: pairs.map(\.column),
                scores: pairs.map(\.score),
                rowCount: boxes.count, classCount: classCount),
            options: options)
        var places: [Int64: Int] = [:]
        places.reserveCapacity(pairs.count)
        func key(_ region: Int, _ column: Int32) -> Int64 {
            Int64(region) * Int64(classCount) + Int64(column)
        }
        for (place, pair) in pairs.enumerated() { places[key(pair.region, pair.column)] = place }
        let left = zip(kept.rows, kept.classes).compactMap { row, column in
            places[key(Int(row), column)].map { pairs[$0] }
        }
        return zip(left, LookBox.doubles(left.map(lookBox))).filter { !$1 }.map(\.0)
    }
}
