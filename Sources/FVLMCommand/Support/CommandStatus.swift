import COCO
import Support
import WeightFiles

/// The exit code of an error of this package.
package struct CommandStatus {
    /// Bad data, as in sysexits.h.
    package static let badData: Int32 = 65

    /// The code.
    package let code: Int32

    /// The exit code of `error`; nil for errors of the command line itself, which have their own.
    package init?(_ error: any Error) {
        switch error {
        case let error as any ReportedError: code = error.exitStatus.rawValue
        case let error as AnnotationFileError: code = error.kind == .malformed ? Self.badData : 1
        case is COCOError, is WeightFileError: code = Self.badData
        default: return nil
        }
    }
}
