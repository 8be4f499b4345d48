@_exported import protocol Support.ReportedError

import Support

/// Why data sets, masks or detections cannot be used as asked.
public struct COCOError: ReportedError, Hashable {
    /// What the error is about, for example `annotation 17`; empty when the reason says it.
    public let subject: String

    /// What is wrong.
    public let reason: String

    /// An error about `subject`.
    public init(_ reason: String, subject: String = "") {
        self.reason = reason
        self.subject = subject
    }

    /// The same error about `subject`, which the place that threw it does not know.
    func about(_ subject: String) -> COCOError { COCOError(reason, subject: subject) }
}

/// What is wrong with an annotation or result file, where, and what to do about it.
public struct AnnotationFileError: ReportedError, Hashable {
    /// Where the fault lies.
    public enum Kind: Sendable, Hashable {
        /// In the contents of the file.
        case malformed
        /// In reaching the file: it does not exist, or the system does not let it be read or written.
        case inaccessible
    }

    /// Where the fault lies.
    public let kind: Kind

    /// The path of the file, `-` for standard input.
    public let file: String

    /// The line, from 1; nil when the fault has no place inside the file.
    public let line: Int?

    /// The column in bytes, from 1.
    public let column: Int?

    /// The object concerned, for example `annotation 17`; empty when none is.
    public let object: String

    /// What is wrong, and what helps when something does.
    public let reason: String

    /// An error about `file`.
    public init(
        file: String, kind: Kind = .malformed, line: Int? = nil, column: Int? = nil, object: String = "",
        reason: String
    ) {
        self.kind = kind
        self.file = file
        self.line = line
        self.column = column
        self.object = object
        self.reason = reason
    }

    /// A file that the system does not let be read or written.
    package init(_ failure: FileFailure) {
        self.init(
            file: failure.path, kind: failure.exitStatus == .badData ? .malformed : .inaccessible,
            reason: failure.reason + (failure.advice.map { "; \($0)" } ?? ""))
    }

    /// `file:line:column: object`, without the parts that are not known.
    public var subject: String {
        var place = file
        if let line { place += ":\(line)" }
        if line != nil, let column { place += ":\(column)" }
        return object.isEmpty ? place : "\(place): \(object)"
    }

    /// Bad data for a malformed file, a failure for one that cannot be reached.
    public var exitStatus: ExitStatus { kind == .malformed ? .badData : .failure }
}
