/// An error that a program can report: what it is about, what is wrong, what helps, and how the program ends.
///
/// Every target of the package has one error type of this kind.
public protocol ReportedError: Error, Sendable, CustomStringConvertible {
    /// What the error is about: a file and a place in it, a setting, an argument. May be empty.
    var subject: String { get }

    /// What is wrong, without a full stop.
    var reason: String { get }

    /// What the user can do about it, when the reason does not say so; without a full stop.
    var advice: String? { get }

    /// The status of a program that ends with this error.
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

/// The status with which a program ends after an error.
public enum ExitStatus: Int32, Sendable, Hashable {
    /// The system refused: a file that is not there, a missing permission, a full disk.
    case failure = 1

    /// The command line cannot be understood, as in sysexits.h.
    case usage = 64

    /// The data is not what it should be, as in sysexits.h.
    case badData = 65
}
