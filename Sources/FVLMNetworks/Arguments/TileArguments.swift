import ArgumentParser
import FVLM
import Tiling

extension TilingOptions.Merging: ExpressibleByArgument {}
extension BoxMerging.Measure: ExpressibleByArgument {}

/// The tiles that large pictures are looked at in. Defaults are those of `TilingOptions`.
struct TileArguments: ParsableArguments {
    @Option(
        name: .customLong("tile"),
        help: ArgumentHelp(
            "Look at tiles of this many pixels a side, for small objects in large pictures; the whole picture is looked at too.",
            valueName: "pixels"))
    var side: Int?

    @Option(
        help: ArgumentHelp(
            "The part of a tile that its neighbor shows too (default: \(TilingOptions().overlap)).",
            valueName: "part"))
    var overlap: Double?

    @Flag(inversion: .prefixedNo, help: "Look at the whole picture too (default: --whole).")
    var whole: Bool?

    @Option(
        help: ArgumentHelp(
            "How what the tiles found becomes one list: joint, from all regions before suppression, or by SAHI's rules nms, nmm, greedy-nmm (default: \(TilingOptions().merging.rawValue)).",
            valueName: "rule"))
    var merge: TilingOptions.Merging?

    @Option(
        help: ArgumentHelp(
            "What SAHI's rules compare: iou or ios (default: \(TilingOptions().measure.rawValue)).",
            valueName: "measure"))
    var match: BoxMerging.Measure?

    @Option(
        help: ArgumentHelp(
            "From which value on boxes match by SAHI's rules (default: \(TilingOptions().matchThreshold)).",
            valueName: "value"))
    var matchThreshold: Double?

    func validate() throws {
        let given = [
            ("--overlap", overlap != nil), ("--whole", whole != nil), ("--merge", merge != nil),
            ("--match", match != nil), ("--match-threshold", matchThreshold != nil),
        ]
        if side == nil, let first = given.first(where: \.1)?.0 {
            throw ValidationError("\(first) is about tiles: add --tile with their side")
        }
        if (merge ?? .joint) == .joint, match != nil || matchThreshold != nil {
            throw ValidationError("--match and --match-threshold need --merge nms, nmm or greedy-nmm")
        }
        do { try options()?.validate() } catch {
            throw ValidationError("--\(error)")
        }
    }

    /// The choice of tiles; nil without `--tile`.
    /// - Parameter batchSize: The number of tiles that go through the network together.
    func options(batchSize: Int? = nil) -> TilingOptions? {
        guard let side else { return nil }
        var options = TilingOptions()
        options.side = side
        options.overlap = overlap ?? options.overlap
        options.includesWhole = whole ?? options.includesWhole
        options.merging = merge ?? options.merging
        options.measure = match ?? options.measure
        options.matchThreshold = matchThreshold ?? options.matchThreshold
        options.batchSize = batchSize ?? options.batchSize
        return options
    }
}
