/// An error that a program can report: its subject, the reason, advice, and the exit status.
///
/// Every target of the package has one error type that conforms to this protocol.
public protocol ReportedError: Error, Sendable, CustomStringConvertible {
    /// The subject of the error: a file and a position in it, a setting, an argument. May be empty.
    var subject: String { get }

    /// What is wrong, without a full stop.
    var reason: String { get }

    /// What the user can do about it, unless the reason says so; without a full stop.
    var advice: String? { get }

    /// The exit status of a program that ends with this error.
    var exitStatus: ExitStatus { get }
}

extension ReportedError {
    /// No advice.
    public var advice: String? { nil }

    /// Bad data.
    public var exitStatus: ExitStatus { .badData }

    /// One line: the subject, the reason, the advice.
    public var description: String {
        (subject.isEmpty ? "" : "\(subject): ") + reason + (advice.map { "; \($0)" } ?? "")
    }
}

/// The exit status of a program after an error.
///
/// What a command or a setting names and is not there is a ``failure``; what is missing only by a data set's own account, such
/// as one of the pictures that annotations name, is ``badData``.
public enum ExitStatus: Int32, Sendable, Hashable {
    /// The system refused: a missing file or folder, a missing permission, a full disk.
    case failure = 1

    /// The command line cannot be understood, as in sysexits.h.
    case usage = 64

    /// The data is invalid, as in sysexits.h.
    case badData = 65
}
