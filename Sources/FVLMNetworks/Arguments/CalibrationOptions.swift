import ArgumentParser
import CLIP
import DetectionResults
import Evaluation
import FVLM
import FVLMCommand
import Support

/// Calibrated scores and thresholds, where they are asked for.
struct CalibrationOptions: ParsableArguments {
    /// The thresholds that a calibration holds.
    enum Threshold: String, ExpressibleByArgument, CaseIterable {
        case best
    }

    @Flag(help: "Map scores by the detector's calibration, so that they are the share of right detections.")
    var calibrated = false

    @Option(help: "best: keep what reaches the threshold that fvlm calibrate chose for its class or group.")
    var threshold: Threshold?

    @Option(
        help: ArgumentHelp(
            "The calibration; calibration.json in the detector's folder if not given.", valueName: "file"),
        completion: .file())
    var calibration: String?

    func validate() throws {
        if calibration != nil, !isWanted {
            throw ValidationError("--calibration is used by --calibrated and --threshold best")
        }
    }

    private var isWanted: Bool { calibrated || threshold != nil }

    /// The calibration of a detector; nil if none is wanted.
    func load(_ detector: Detector, folder: String) throws -> AppliedCalibration? {
        guard isWanted else { return nil }
        let calibration = try ScoreCalibration(
            contentsOf: calibration ?? Path.join(folder, ScoreCalibration.fileName))
        try calibration.check(detector)
        return AppliedCalibration(calibration: calibration, maps: calibrated, keeps: threshold != nil)
    }
}
