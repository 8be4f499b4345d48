@_exported import protocol Support.ReportedError
@_exported import enum Support.ExitStatus
import Support

/// What is wrong with a weight file, where, and what to do about it.
public struct WeightFileError: ReportedError, Hashable {
    /// The path of the file.
    public let file: String

    /// The place inside the file: a tensor's name, an entry of the archive, a byte position. May be empty.
    public let place: String

    /// What is wrong, and what helps when something does.
    public let reason: String

    /// Bad data, or what the system refused.
    public let exitStatus: ExitStatus

    /// An error about `file`, at `place` inside it.
    public init(file: String, place: String = "", reason: String, exitStatus: ExitStatus = .badData) {
        self.file = file
        self.place = place
        self.reason = reason
        self.exitStatus = exitStatus
    }

    /// A file that cannot be used.
    init(_ failure: FileFailure) {
        self.init(file: failure.path, reason: failure.reason, exitStatus: failure.exitStatus)
    }

    /// The file and the place inside it.
    public var subject: String { place.isEmpty ? file : "\(file): \(place)" }
}

extension AtomicFile {
    /// Runs `body`, which writes the weight file, and puts it at `path`.
    ///
    /// - Throws: ``WeightFileError`` when the file cannot be written; whatever else `body` throws.
    static func writeWeights(to path: String, _ body: (inout AtomicFile) throws -> Void) throws {
        do { try write(to: path, body) } catch let failure as FileFailure {
            throw WeightFileError(failure)
        }
    }
}
