import Support
import Tracking

/// What `fvlm score --tracking` reports: the metrics of every sequence, and of all together where there are several.
struct TrackingReport {
    /// The sequences by name, then `all`.
    private(set) var rows: [(name: String, metrics: TrackingMetrics)] = []

    /// Compares two MOT files, or all files of two folders.
    ///
    /// A folder of ground truth holds NAME.txt, or NAME/gt/gt.txt as the MOT challenge has it; the folder of results holds NAME.txt.
    /// - Throws: ``TrackingError``, or an error that names a sequence without results.
    init(truth: String, tracks: String) throws {
        guard FileStatus(truth)?.kind == .folder else {
            rows = [(Path.stem(tracks), try Self.metrics(truth, tracks))]
            return
        }
        let names = try Folder.names(in: truth).sorted()
        for name in names where !name.hasPrefix(".") {
            let nested = Path.join(truth, "\(name)/gt/gt.txt")
            let file = Path.suffix(name) == "txt" ? Path.join(truth, name) : nested
            guard FileStatus(file)?.kind == .file else { continue }
            let stem = Path.suffix(name) == "txt" ? Path.stem(name) : name
            let results = Path.join(tracks, "\(stem).txt")
            guard FileStatus(results)?.kind == .file else {
                throw FileFailure(
                    results,
                    reason:
                        "there is no file of this name; the sequence \(stem) of \(truth) needs one, if without a line",
                    exitStatus: .failure)
            }
            rows.append((stem, try Self.metrics(file, results)))
        }
        guard !rows.isEmpty else {
            throw FileFailure(
                truth, reason: "the folder has neither NAME.txt nor NAME/gt/gt.txt", exitStatus: .badData)
        }
        if rows.count > 1 { rows.append(("all", rows.reduce(TrackingMetrics()) { $0 + $1.metrics })) }
    }

    private static func metrics(_ truth: String, _ tracks: String) throws -> TrackingMetrics {
        TrackingMetrics(
            TrackingSequence(truth: try MOTFile(contentsOf: truth), tracks: try MOTFile(contentsOf: tracks)))
    }

    /// The main figures, in percent, and counts.
    var table: String {
        let shares = ["HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1"]
        let counts = ["IDSW", "Frag", "MT", "ML", "CLR_FN", "CLR_FP"]
        return TextTable(
            [["sequence"] + shares + counts]
                + rows.map { name, metrics in
                    let values = Dictionary(uniqueKeysWithValues: metrics.figures)
                    return [name] + shares.map { NumberText.decimals(100 * (values[$0] ?? 0), 2) }
                        + counts.map { NumberText.decimals(values[$0] ?? 0, 0) }
                }, leftAligned: 1
        ).text
    }

    /// All figures, of 1, in one JSON object by sequence.
    func json() throws -> String {
        try JSONText.line(
            Dictionary(
                uniqueKeysWithValues: rows.map { name, metrics in
                    var values = metrics.figures.reduce(into: [String: [Double]]()) {
                        $0[$1.name] = [$1.value]
                    }
                    values["HOTA_by_alpha"] = metrics.hotaByAlpha
                    return (name, Figures(values: values))
                }))
    }

    /// Single figures as numbers, others as lists.
    private struct Figures: Encodable {
        let values: [String: [Double]]

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            for (name, list) in values {
                if list.count == 1 {
                    try container.encode(list[0], forKey: Key(stringValue: name))
                } else {
                    try container.encode(list, forKey: Key(stringValue: name))
                }
            }
        }

        struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
    }
}
