import Imaging

/// A box that a look found.
public struct LookBox: Sendable, Hashable {
    /// The box in pixels of the picture.
    public var box: Box

    /// The score.
    public var score: Float

    /// The class.
    public var classIndex: Int32

    /// The number of the look.
    public var look: Int32

    /// Creates a box.
    public init(box: Box, score: Float, classIndex: Int32, look: Int32) {
        self.box = box
        self.score = score
        self.classIndex = classIndex
        self.look = look
    }
}

extension LookBox {
    /// The least part of the smaller of two boxes that is in the other one for both to be one object.
    public static let leastShare = 0.5

    /// Which boxes show again what another look has found under a higher score: parts of an object that suppression by
    /// intersection over union leaves beside it, and the object around a part.
    ///
    /// Boxes of one look are left to suppression, as in a picture without tiles.
    /// - Parameter boxes: Boxes of all looks in the picture's frame, best first.
    public static func doubles(_ boxes: [LookBox]) -> [Bool] {
        var kept: [Int32: [LookBox]] = [:]
        return boxes.map { box in
            let isDouble =
                kept[box.classIndex]?.contains {
                    $0.look != box.look
                        && BoxMerging.Measure.intersectionOverSmaller($0.box, box.box) >= leastShare
                } ?? false
            if !isDouble { kept[box.classIndex, default: []].append(box) }
            return isDouble
        }
    }
}
