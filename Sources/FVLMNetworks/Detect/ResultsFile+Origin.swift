import CLIP
import FVLM
import Support
import Tiling

extension ResultsFile {
    /// What the results of a detector depend on, by names for messages.
    static func origin(
        _ detector: Detector, _ vocabulary: Vocabulary, _ options: ScoringOptions, precision: String,
        masks: Bool,
        tiles: TilingOptions?
    ) throws -> Origin {
        var choices = options
        choices.includesMasks = false
        var origin = try [
            "model": detector.network.store.digest(), "CLIP": detector.clip.store.digest(),
            "configuration": detector.configuration.yaml(), "list of classes": vocabulary.digest(),
            "choice of thresholds": JSONText.line(choices), "precision": precision,
            "choice of masks": masks ? "with" : "without",
        ]
        if let tiles {
            origin["choice of tiles"] = [
                "\(tiles.side)", "\(tiles.overlap)", "\(tiles.includesWhole)", tiles.merging.rawValue,
                tiles.measure.rawValue, "\(tiles.matchThreshold)",
            ].joined(separator: " ")
        }
        return origin
    }

    /// Refuses to go on with results that were begun with other settings.
    static func check(_ begun: Origin, against origin: Origin, of path: String) throws {
        let names = Set(begun.keys).union(origin.keys).filter { begun[$0] != origin[$0] }.sorted()
        guard names.isEmpty else {
            throw refusal(
                path,
                "was created with a different \(names.joined(separator: ", a different ")): choose another file for these results"
            )
        }
    }
}
