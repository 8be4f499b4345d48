import Support

/// The logs of a run in its folder: `metrics.jsonl`, TensorBoard files in `tensorboard/`, and at the end `report.html`.
final class RunLog {
    /// The folder.
    let folder: String

    /// The contents of the report so far.
    private(set) var history: TrainingHistory

    private let title: String
    private let metrics: MetricsLog
    private let tensorBoard: TensorBoardLog

    /// Creates the log of a new run, or of one resumed at a step.
    /// - Throws: ``TrainingError`` if it cannot be written.
    init(folder: String, title: String = "Training", resumedStep: Int? = nil) throws {
        self.folder = folder
        self.title = title
        let path = "\(folder)/metrics.jsonl"
        metrics = try MetricsLog(path: path, resumedStep: resumedStep)
        tensorBoard = try TensorBoardLog(folder: "\(folder)/tensorboard", resumedStep: resumedStep)
        history = try resumedStep == nil ? TrainingHistory() : TrainingHistory(contentsOf: path)
    }

    /// Writes an event; at the end of the training also the report.
    /// - Throws: ``TrainingError`` if something cannot be written.
    func record(_ event: TrainingEvent) throws {
        try metrics.record(event)
        try tensorBoard.record(event)
        history.add(event)
        if case .finished = event { try writeReport() }
    }

    /// Writes the report of the run so far.
    /// - Throws: ``TrainingError`` if it cannot be written.
    func writeReport() throws {
        let path = "\(folder)/report.html"
        try AtomicFile.write(history.report(title: title), to: path)
    }
}
