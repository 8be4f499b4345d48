import COCO
import Foundation

/// The exit code of an error of this package.
struct CommandStatus {
    /// Bad data, as in sysexits.h.
    static let badData: Int32 = 65

    /// The code.
    let code: Int32

    /// The code of `error`; nil for errors of the command line itself, which know their own.
    init?(_ error: any Error) {
        switch error {
        case let error as AnnotationFileError: code = error.kind == .malformed ? Self.badData : 1
        case is EvaluationError, is MaskError, is ConversionError: code = Self.badData
        default: return nil
        }
    }
}
