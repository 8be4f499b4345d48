import COCO
import Foundation
import Imaging
import Support
import WeightFiles

#if FVLM_TORCH
    import CLIP
    import RegionDetection
    import FVLM
    import Torch
    import Training
#endif

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
        case let error as ResultsFileError: code = error.isRefusal ? Self.badData : 1
        case is COCOError, is WeightFileError, is ImagingError:
            code = Self.badData
        case let error as any ReportedError: code = error.exitStatus.rawValue
        default:
            #if FVLM_TORCH
                guard let code = Self.networkStatus(error) else { return nil }
                self.code = code
            #else
                return nil
            #endif
        }
    }

    #if FVLM_TORCH
        private static func networkStatus(_ error: any Error) -> Int32? {
            switch error {
            case is CLIPError, is WeightMismatch, is TokenizerError, is PreprocessingError, is PromptError,
                is ConfigurationError, is DetectionError, is TrainingError:
                badData
            case is TorchError: 1
            default: nil
            }
        }
    #endif
}
