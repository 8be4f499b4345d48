/// Shows a training in TensorBoard.
final class TensorBoardLog {
    private let writer: EventFileWriter

    /// A log in a folder that TensorBoard is pointed at.
    /// - Parameter resumedStep: How many steps a resumed training has made.
    /// - Throws: ``TrainingError`` when it cannot be written.
    init(folder: String, resumedStep: Int? = nil) throws {
        // What is known of the step itself was written after it and does not come again.
        writer = try EventFileWriter(folder: folder, firstStep: resumedStep.map { $0 + 1 })
    }

    /// Writes what there is to see of an event.
    /// - Throws: ``TrainingError`` when it cannot be written.
    func record(_ event: TrainingEvent) throws {
        switch event {
        case .progress(let progress):
            func scalar(_ tag: String, _ value: Double) throws {
                try writer.write(scalar: value, tag: tag, step: progress.step)
            }
            try scalar("train/loss", progress.loss)
            for loss in progress.losses { try scalar("train/\(loss.name)", loss.value) }
            try scalar("train/learning_rate", progress.learningRate)
            try scalar("train/gradient_norm", progress.gradientNorm)
            try scalar("speed/images_per_second", progress.imagesPerSecond)
        case .evaluated(let step, let report):
            for metric in report.metrics {
                try writer.write(scalar: metric.value, tag: "evaluation/\(metric.name)", step: step)
            }
            for curve in report.curves {
                try writer.write(curve: curve, tag: "precision_recall/\(curve.name)", step: step)
            }
            for picture in report.pictures {
                try writer.write(picture: picture, tag: "predictions/\(picture.name)", step: step)
            }
        default: break
        }
    }
}
