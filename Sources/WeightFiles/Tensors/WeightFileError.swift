@_exported import protocol Support.ReportedError
@_exported import enum Support.ExitStatus
import Support

/// What is wrong with a weight file, where, and how to fix it.
public struct WeightFileError: ReportedError, Hashable {
    /// The path of the file.
    public let file: String

    /// The position inside the file: a tensor's name, an entry of the archive, a byte position. May be empty.
    public let place: String

    /// What is wrong and, if there is a remedy, what helps.
    public let reason: String

    /// Bad data, or a refusal of the system.
    public let exitStatus: ExitStatus

    /// Creates an error about `file`, at `place` inside it.
    public init(file: String, place: String = "", reason: String, exitStatus: ExitStatus = .badData) {
        self.file = file
        self.place = place
        self.reason = reason
        self.exitStatus = exitStatus
    }

    /// A file that cannot be used.
    init(_ failure: FileFailure) {
        self.init(file: failure.subject, reason: failure.reason, exitStatus: failure.exitStatus)
    }

    /// The file and the position inside it.
    public var subject: String { place.isEmpty ? file : "\(file): \(place)" }
}

extension AtomicFile {
    /// Writes a weight file at `path` with `body`.
    ///
    /// - Throws: ``WeightFileError`` if the file cannot be written; errors thrown by `body`.
    static func writeWeights(to path: String, _ body: (inout AtomicFile) throws -> Void) throws {
        do { try write(to: path, body) } catch let failure as FileFailure {
            throw WeightFileError(failure)
        }
    }
}
