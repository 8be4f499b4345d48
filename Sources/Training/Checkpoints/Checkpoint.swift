import Foundation
import Support
import Torch
import WeightFiles

/// The state of a training at one step, in its own folder: everything needed to resume it exactly.
///
/// | file | contents |
/// |---|---|
/// | `model.safetensors` | weights and buffers, by the parameters' names |
/// | `average.safetensors` | their moving averages, if there are any |
/// | `optimizer.safetensors` | the optimizer's state |
/// | `random.safetensors` | states of random streams |
/// | `state.json` | step, position in the data, schedule, metric, versions: ``State`` |
/// | `configuration.yaml` | the configuration of the run, as text |
struct Checkpoint: Sendable {
    /// The names of the files.
    enum File {
        static let model = "model.safetensors"
        static let average = "average.safetensors"
        static let optimizer = "optimizer.safetensors"
        static let random = "random.safetensors"
        static let state = "state.json"
        static let configuration = "configuration.yaml"
    }

    /// Everything except the tensors.
    struct State: Sendable, Hashable, Codable {
        /// The version of the folder's format; 1.
        var formatVersion = 1

        /// The number of optimizer steps made.
        var step: Int

        /// The position of the next example.
        var position: LoaderPosition

        /// The fingerprint of the examples behind ``position``.
        var dataFingerprint: String

        /// The seed of the order of the data.
        var seed: UInt64

        /// The learning-rate schedule.
        var schedule: LearningRateSchedule

        /// The value of the metric that selects the best checkpoint.
        var metric: Double?

        /// The step of the last evaluation; nil if there was none.
        var evaluatedStep: Int?

        /// Digests of everything that must be unchanged when the training is resumed, by name; nil in checkpoints of
        /// earlier versions.
        var identity: [String: String]?

        /// The number of updates of the moving averages.
        var averageUpdates: Int

        /// The scale of losses in `float16` and the steps since it changed; nil for other precisions.
        var lossScale: LossScale?

        /// The versions of the run's machine and libraries, by name: `libtorch`, `threads`, ...
        var versions: [String: String]
    }

    /// The scale of losses in half precision.
    struct LossScale: Sendable, Hashable, Codable {
        var scale: Double
        var stepsSinceChange: Int
    }

    /// The folder.
    let folder: String

    /// Everything except the tensors.
    let state: State

    /// The configuration of the run, as text.
    let configuration: String

    /// Opens a folder written by a training.
    /// - Throws: ``TrainingError`` if it is not such a folder or has a later format.
    init(folder: String) throws {
        self.folder = folder
        let path = "\(folder)/\(File.state)"
        guard FileStatus(path) != nil else {
            throw TrainingError(folder, "is not a checkpoint: it has no readable \(File.state)")
        }
        let file: FileBytes
        do { file = try FileBytes(contentsOf: path) } catch { throw TrainingError(error) }
        do { state = try JSONText.value(of: file.array) } catch {
            throw TrainingError(path, "cannot be read: \(error.oneLine)")
        }
        guard state.formatVersion == 1 else {
            throw TrainingError(
                path, "has format \(state.formatVersion), written by a later version; this one reads format 1"
            )
        }
        let record = "\(folder)/\(File.configuration)"
        do {
            configuration = FileStatus(record) == nil ? "" : try TextFile(contentsOf: record).text
        } catch { throw TrainingError(error) }
    }

    /// The weights and buffers.
    /// - Throws: `WeightFileError`.
    func model() throws -> Safetensors { try Safetensors(contentsOf: "\(folder)/\(File.model)") }

    /// The moving averages; nil if the run keeps none.
    /// - Throws: `WeightFileError`.
    func average() throws -> Safetensors? { try optional(File.average) }

    /// The optimizer's state.
    /// - Throws: `WeightFileError`.
    func optimizer() throws -> Safetensors { try Safetensors(contentsOf: "\(folder)/\(File.optimizer)") }

    /// The states of random streams.
    /// - Throws: `WeightFileError`.
    func random() throws -> Safetensors { try Safetensors(contentsOf: "\(folder)/\(File.random)") }

    private func optional(_ name: String) throws -> Safetensors? {
        let path = "\(folder)/\(name)"
        return FileStatus(path) != nil ? try Safetensors(contentsOf: path) : nil
    }
}

/// The contents of a checkpoint to write.
struct CheckpointContents: Sendable {
    /// Everything except the tensors.
    var state: Checkpoint.State

    /// The configuration of the run, as text.
    var configuration = ""

    /// Weights and buffers.
    var model: [StoredTensor]

    /// Their moving averages; empty if there are none.
    var average: [StoredTensor] = []

    /// The optimizer's state.
    var optimizer: [StoredTensor] = []

    /// The states of random streams.
    var random: [StoredTensor] = []
}

extension ParameterStore {
    /// Restores the parameters from a checkpoint in their existing memory: all of them, or none if anything does not
    /// fit.
    ///
    /// Unlike `load`, this keeps the values' memory and layout, since the layout affects the last bits of kernels'
    /// results.
    /// - Parameter omitted: Parameters that are not in the checkpoint and keep their values.
    /// - Throws: ``TrainingError`` listing what is missing, unexpected or of the wrong shape; `WeightFileError`,
    ///   `TorchError`.
    func restore(_ source: some WeightSource, omitting omitted: (Parameter) -> Bool = { _ in false }) throws {
        let expected = parameters.filter { !omitted($0) }
        let names = Set(expected.map(\.name))
        let available = Set(source.keys)
        var problems: [String] = []
        func list(_ what: String, _ names: [String]) {
            guard !names.isEmpty else { return }
            let shown = names.prefix(8).joined(separator: ", ")
            problems.append("\(names.count) \(what): \(shown)\(names.count > 8 ? ", …" : "")")
        }
        list("missing", expected.map(\.name).filter { !available.contains($0) })
        list("unexpected", source.keys.filter { !names.contains($0) })
        var pairs: [(Parameter, Tensor)] = []
        var wrong: [String] = []
        for parameter in expected where available.contains(parameter.name) {
            let stored = try source.tensor(named: parameter.name)
            if stored.shape == parameter.shape {
                pairs.append((parameter, try Tensor(stored)))
            } else {
                wrong.append("\(parameter.name) \(stored.shape), expected \(parameter.shape)")
            }
        }
        list("of a different shape", wrong)
        guard problems.isEmpty else {
            throw TrainingError(
                source.origin,
                "does not fit the network; was the configuration changed? " + problems.joined(separator: "; ")
            )
        }
        try withoutGradients {
            for (parameter, tensor) in pairs {
                if parameter.hasValue {
                    try parameter.value.detached().copyInPlace(tensor)
                } else {
                    try parameter.set(tensor.clone(.contiguous))
                }
            }
        }
    }
}
