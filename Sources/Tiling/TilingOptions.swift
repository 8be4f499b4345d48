import Support

/// How a picture that is too large for one look is looked at in tiles.
///
/// ```swift
/// var options = TilingOptions()
/// options.side = 1024
/// options.overlap = 0.25
/// try options.validate()
/// ```
public struct TilingOptions: Sendable, Hashable {
    /// How what the looks found becomes one list.
    public enum Merging: String, Sendable, Codable, CaseIterable {
        /// The regions of all looks are brought into one frame before suppression; boxes that a tile cuts are dropped
        /// where another look shows the object whole.
        case joint
        /// Each look is finished alone; of boxes that match, the best is kept (SAHI's NMS).
        case nms
        /// Each look is finished alone; boxes that match are merged, and boxes that match these (SAHI's NMM).
        case nmm
        /// Each look is finished alone; boxes that match the best one are merged with it (SAHI's GREEDYNMM, its default).
        case greedyNMM = "greedy-nmm"

        /// The rule for boxes of finished looks; nil for ``joint``.
        public var method: BoxMerging.Method? {
            switch self {
            case .joint: nil
            case .nms: .nms
            case .nmm: .nmm
            case .greedyNMM: .greedyNMM
            }
        }
    }

    /// Width and height of a tile in pixels of the picture.
    public var side = 640

    /// The part of a tile that its neighbor shows too, from 0 to 0.9.
    public var overlap = 0.2

    /// Whether the whole picture is looked at as well, which finds objects larger than a tile.
    public var includesWhole = true

    /// How what the looks found becomes one list.
    public var merging = Merging.joint

    /// What the rules of SAHI compare: with ``Merging/joint`` it is not used.
    public var measure = BoxMerging.Measure.intersectionOverSmaller

    /// From which value of ``measure`` boxes match: with ``Merging/joint`` it is not used.
    public var matchThreshold = 0.5

    /// The number of tiles that go through the network together.
    public var batchSize = 4

    /// Creates the default options.
    public init() {}

    /// Checks every number.
    /// - Throws: ``TilingError`` that names the option.
    public func validate() throws {
        func require(_ isRight: Bool, _ name: String, _ reason: String) throws {
            guard isRight else { throw TilingError(name, reason) }
        }
        try require((16...65_536).contains(side), "tile", "must be from 16 to 65536 pixels, not \(side)")
        // NaN is not in any range.
        try require((0...0.9).contains(overlap), "overlap", "must be from 0 to 0.9, not \(overlap)")
        try require(
            (0...1).contains(matchThreshold), "match threshold", "must be from 0 to 1, not \(matchThreshold)")
        try require(batchSize >= 1, "batch size", "must be at least 1, not \(batchSize)")
    }
}

/// An impossible choice of tiles.
public struct TilingError: ReportedError, Hashable {
    /// The option.
    public let subject: String

    /// What is wrong with it.
    public let reason: String

    /// The user's choice is at fault.
    public var exitStatus: ExitStatus { .usage }

    init(_ subject: String, _ reason: String) {
        self.subject = subject
        self.reason = reason
    }
}
