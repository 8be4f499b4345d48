import Foundation
import Support
import Tracking
import Video

/// How far a film's results are: written beside them as FILE.progress, from which interrupted work goes on.
struct FilmProgress: Codable {
    /// What the results depend on.
    let origin: ResultsFile.Origin

    /// The frames that are in the files.
    var position: FramePosition

    /// The lengths of the files up to them in bytes.
    var lines = 0
    var mot = 0

    /// The tracker behind them; nil where objects are not followed.
    var tracker: Tracker?

    /// The boxes and confirmed tracks so far.
    var objects = 0
    var tracks = 0

    init(origin: ResultsFile.Origin, position: FramePosition) {
        self.origin = origin
        self.position = position
    }

    /// The progress of a file; nil when there is none yet.
    /// - Throws: `FileFailure` when it was begun with other settings or cannot be read.
    static func load(for results: String, _ origin: ResultsFile.Origin) throws -> FilmProgress? {
        guard FileStatus(ResultsFile.record(results)) != nil else { return nil }
        let bytes = try FileBytes(contentsOf: ResultsFile.record(results), access: .read).array
        guard let progress = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else {
            throw ResultsFile.refusal(
                ResultsFile.record(results), "is not a record of a film's results: delete it")
        }
        try ResultsFile.check(progress.origin, against: origin, of: results)
        guard FileStatus(ResultsFile.partial(results))?.byteCount ?? 0 >= progress.lines else {
            throw ResultsFile.refusal(
                ResultsFile.partial(results), "is shorter than its record says: delete both and begin anew")
        }
        return progress
    }

    /// Writes it, behind the results that it speaks of.
    mutating func save(for results: String, _ sinks: VideoResults) throws {
        (lines, mot) = try sinks.synchronizedLengths()
        try AtomicFile.write(Array(try JSONEncoder().encode(self)), to: ResultsFile.record(results))
    }

    /// Removes it when the results are complete.
    static func remove(for results: String) throws {
        try Folder.remove(ResultsFile.record(results))
    }
}
