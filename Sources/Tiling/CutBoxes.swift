import Imaging

/// Finds boxes that a tile cuts although another look shows the object whole.
///
/// A box is cut when it ends at an edge of its tile that is not an edge of the picture. Another look shows the object whole when
/// it has a box of the class that is not cut and that the tile, if it were cut there too, would see nearly as the cut box.
public struct CutBoxes: Sendable {
    /// How far from an edge a box may end to count as cut there, as a part of the tile's side: boxes are not exact.
    public static let edgeTolerance = 0.01

    /// The least intersection over union of a cut box and of what its tile sees of the whole one.
    public static let leastOverlap = 0.5

    /// The least score of the whole box, as a part of the cut one's: a look that hardly sees the object is no witness.
    public static let leastScore: Float = 0.5

    private let size: ImageSize
    private let looks: [Tile]
    private let neighbors: [[Int]]

    /// Prepares for the looks at a picture.
    /// - Parameters:
    ///   - size: The size of the picture.
    ///   - looks: What each look shows; the whole picture may be among them.
    public init(_ size: ImageSize, looks: [Tile]) {
        self.size = size
        self.looks = looks
        neighbors = looks.indices.map { own in
            looks.indices.filter { other in
                other != own && looks[own].columns.overlaps(looks[other].columns)
                    && looks[own].rows.overlaps(looks[other].rows)
            }
        }
    }

    /// Whether a box ends at an edge of its look that is inside the picture.
    public func isCut(_ box: Box, look: Int) -> Bool {
        let tile = looks[look]
        let (x, y) = (
            Self.edgeTolerance * Double(tile.columns.count), Self.edgeTolerance * Double(tile.rows.count)
        )
        let edges = tile.box
        return tile.columns.lowerBound > 0 && box.x1 <= edges.x1 + x
            || tile.rows.lowerBound > 0 && box.y1 <= edges.y1 + y
            || tile.columns.upperBound < size.width && box.x2 >= edges.x2 - x
            || tile.rows.upperBound < size.height && box.y2 >= edges.y2 - y
    }

    /// Which candidates to drop, in their order.
    public func dropped(_ candidates: [LookBox]) -> [Bool] {
        let isCut = candidates.map { self.isCut($0.box, look: Int($0.look)) }
        // The whole boxes of each look by class.
        var whole = [[Int32: [Int]]](repeating: [:], count: looks.count)
        for index in candidates.indices where !isCut[index] {
            whole[Int(candidates[index].look)][candidates[index].classIndex, default: []].append(index)
        }
        return candidates.indices.map { index in
            guard isCut[index] else { return false }
            let candidate = candidates[index]
            let tile = looks[Int(candidate.look)].box
            return neighbors[Int(candidate.look)].contains { other in
                whole[other][candidate.classIndex]?.contains { witness in
                    guard candidates[witness].score >= Self.leastScore * candidate.score else { return false }
                    let seen = candidates[witness].box.intersection(tile)
                    return seen.width > 0 && seen.height > 0
                        && BoxMerging.Measure.intersectionOverUnion(seen, candidate.box) >= Self.leastOverlap
                } ?? false
            }
        }
    }
}
