@_exported import protocol Support.ReportedError
import Support

/// The reason why a data set, mask or detection cannot be used as requested.
public struct COCOError: ReportedError, Hashable {
    /// The subject of the error, for example `annotation 17`; empty if the reason names it.
    public let subject: String

    /// What is wrong.
    public let reason: String

    /// Creates an error about `subject`.
    public init(_ reason: String, subject: String = "") {
        self.reason = reason
        self.subject = subject
    }

    /// The same error about `subject`, for code that threw without knowing it.
    package func about(_ subject: String) -> COCOError { COCOError(reason, subject: subject) }
}

/// What is wrong with an annotation or result file, where, and how to fix it.
public struct AnnotationFileError: ReportedError, Hashable {
    /// The kind of fault.
    public enum Kind: Sendable, Hashable {
        /// The contents of the file are invalid.
        case malformed
        /// The file cannot be accessed: it does not exist, or the system does not allow reading or writing it.
        case inaccessible
    }

    /// The kind of fault.
    public let kind: Kind

    /// The path of the file; `-` for standard input.
    public let file: String

    /// The line, starting at 1; nil if the fault has no position in the file.
    public let line: Int?

    /// The column in bytes, starting at 1.
    public let column: Int?

    /// The affected object, for example `annotation 17`; empty if there is none.
    public let object: String

    /// What is wrong and, if there is a remedy, what helps.
    public let reason: String

    /// Creates an error about `file`.
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

    /// Creates an error for a file that the system does not allow to be read or written.
    package init(_ failure: FileFailure) {
        self.init(
            file: failure.subject, kind: failure.exitStatus == .badData ? .malformed : .inaccessible,
            reason: failure.reason + (failure.advice.map { "; \($0)" } ?? ""))
    }

    /// `file:line:column: object`, without the unknown parts.
    public var subject: String {
        var place = file
        if let line { place += ":\(line)" }
        if line != nil, let column { place += ":\(column)" }
        return object.isEmpty ? place : "\(place): \(object)"
    }

    /// Bad data for a malformed file, a failure for one that cannot be accessed.
    public var exitStatus: ExitStatus { kind == .malformed ? .badData : .failure }
}

/// An annotation of which not everything could be read, where the file is read tolerantly.
package struct RecordFault: Sendable, Hashable {
    /// What is lost.
    package enum Loss: Sendable, Hashable {
        /// The annotation: it has no row.
        case annotation
        /// Its segmentation: its row has none.
        case segmentation
        /// The last number of a polygon, which has an odd count of them. It is kept; as the COCO tools do, masks are made
        /// without it.
        case unpairedNumber
    }

    /// What is lost.
    package let loss: Loss

    /// The row of the annotation; of one that has no row, that of the next one that has.
    package let row: Int

    /// The id of the image that the annotation is of, where it can be told.
    package let imageID: Int64?

    /// The id of the annotation, where it can be told.
    package let id: Int64?

    /// Why, with file, line, column and id.
    package let error: AnnotationFileError
}
