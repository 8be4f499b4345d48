import FVLM
import Hub
import Support
import Training

extension OutputGuard {
    /// What a training reads.
    /// - Parameters:
    ///   - file: The configuration's file; nil when the command may write it.
    ///   - state: A training state that it starts from.
    init(_ configuration: TrainingConfiguration, file: String?, state: String? = nil) {
        let (data, texts) = (configuration.data, configuration.texts)
        self.init(
            [
                file, data.annotations, data.images, data.validationAnnotations, data.validationImages,
                data.cache, texts.vocabulary, texts.templates, state,
            ],
            models: [
                try? ModelCache().path(of: configuration.detector.clip), configuration.run.initialWeights,
            ])
    }

    /// Refuses a run's folder in which a training would write over what it reads.
    /// - Parameter copiesCLIP: Whether the CLIP is copied into the detector's folder.
    /// - Throws: `FileFailure`.
    func check(run folder: String, copiesCLIP: Bool) throws {
        let model = ModelFolder(Path.join(folder, "model"))
        let names = [
            "", "config.yaml", "metrics.jsonl", "report.html", "tensorboard", "checkpoints", "model",
        ]
        for path in names.map({ $0.isEmpty ? folder : Path.join(folder, $0) })
            + [model.configuration, model.weights, model.vocabulary]
            + (copiesCLIP ? [Path.join(model.path, "clip")] : [])
        {
            try check(path)
        }
    }
}
