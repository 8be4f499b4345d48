/// How a stored picture is to be turned to stand upright: the values of EXIF tag 0x0112.
public enum EXIFOrientation: Int, Sendable, Hashable, CaseIterable {
    /// Stored upright.
    case up = 1

    /// Mirrored left to right.
    case upMirrored = 2

    /// Upside down: turn by 180 degrees.
    case down = 3

    /// Mirrored top to bottom.
    case downMirrored = 4

    /// Mirrored at the main diagonal: transpose.
    case leftMirrored = 5

    /// Turn clockwise by 90 degrees.
    case right = 6

    /// Mirrored at the other diagonal.
    case rightMirrored = 7

    /// Turn counterclockwise by 90 degrees.
    case left = 8

    /// Whether turning exchanges width and height.
    public var swapsAxes: Bool { rawValue >= 5 }

    /// Whether upright x runs against the stored axis that it comes from.
    var flipsX: Bool { [.upMirrored, .down, .right, .rightMirrored].contains(self) }

    /// Whether upright y runs against the stored axis that it comes from.
    var flipsY: Bool { [.down, .downMirrored, .rightMirrored, .left].contains(self) }

    /// The orientation with these properties.
    init(swapsAxes: Bool, flipsX: Bool, flipsY: Bool) {
        switch (swapsAxes, flipsX, flipsY) {
        case (false, false, false): self = .up
        case (false, true, false): self = .upMirrored
        case (false, true, true): self = .down
        case (false, false, true): self = .downMirrored
        case (true, false, false): self = .leftMirrored
        case (true, true, false): self = .right
        case (true, true, true): self = .rightMirrored
        case (true, false, true): self = .left
        }
    }
}
