import Foundation
import Torch
import WeightFiles

/// A training at one step, in a folder of its own: everything needed to resume it exactly.
///
/// | file | holds |
/// |---|---|
/// | `model.safetensors` | weights and buffers, by the parameters' names |
/// | `average.safetensors` | their moving averages, when there are any |
/// | `optimizer.safetensors` | what the optimiser remembers |
/// | `random.safetensors` | states of random streams |
/// | `state.json` | step, place in the data, schedule, metric, versions: ``State`` |
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

    /// Everything but the tensors.
    struct State: Sendable, Hashable, Codable {
        /// The form of the folder; 1.
        var formatVersion = 1

        /// How many optimiser steps were made.
        var step: Int

        /// The next example.
        var position: LoaderPosition

        /// The fingerprint of the examples that ``position`` counts.
        var dataFingerprint: String

        /// The seed of the data's order.
        var seed: UInt64

        /// The learning rate's factors.
        var schedule: LearningRateSchedule

        /// The value of the metric that chooses the best checkpoint.
        var metric: Double?

        /// The step of the last evaluation; nil when there was none.
        var evaluatedStep: Int?

        /// Digests of what must be the same when the training is resumed, by name; nil in checkpoints of earlier versions.
        var identity: [String: String]?

        /// The updates that the moving averages have seen.
        var averageUpdates: Int

        /// What the run's machine and libraries were, by name: `libtorch`, `threads`, ...
        var versions: [String: String]
    }

    /// The folder.
    let folder: String

    /// Everything but the tensors.
    let state: State

    /// The configuration of the run, as text.
    let configuration: String

    /// Opens a folder that a training has written.
    /// - Throws: ``TrainingError`` when it is not such a folder or of a later form.
    init(folder: String) throws {
        self.folder = folder
        let path = "\(folder)/\(File.state)"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TrainingError(folder, "is not a checkpoint: it has no readable \(File.state)")
        }
        do {
            let decoder = JSONDecoder()
            decoder.nonConformingFloatDecodingStrategy = .convertFromString(
                positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
            state = try decoder.decode(State.self, from: data)
        } catch {
            throw TrainingError(path, "cannot be read: \(error.oneLine)")
        }
        guard state.formatVersion == 1 else {
            throw TrainingError(
                path, "is of form \(state.formatVersion), written by a later version; this one reads form 1")
        }
        configuration =
            FileManager.default.contents(atPath: "\(folder)/\(File.configuration)")
            .map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// The weights and buffers.
    /// - Throws: `WeightFileError`.
    func model() throws -> Safetensors { try Safetensors(contentsOf: "\(folder)/\(File.model)") }

    /// The moving averages; nil when the run keeps none.
    /// - Throws: `WeightFileError`.
    func average() throws -> Safetensors? { try optional(File.average) }

    /// What the optimiser remembers.
    /// - Throws: `WeightFileError`.
    func optimizer() throws -> Safetensors { try Safetensors(contentsOf: "\(folder)/\(File.optimizer)") }

    /// The states of random streams.
    /// - Throws: `WeightFileError`.
    func random() throws -> Safetensors { try Safetensors(contentsOf: "\(folder)/\(File.random)") }

    private func optional(_ name: String) throws -> Safetensors? {
        let path = "\(folder)/\(name)"
        return FileManager.default.fileExists(atPath: path) ? try Safetensors(contentsOf: path) : nil
    }
}

/// What a checkpoint is written from.
struct CheckpointContents: Sendable {
    /// Everything but the tensors.
    var state: Checkpoint.State

    /// The configuration of the run, as text.
    var configuration = ""

    /// Weights and buffers.
    var model: [StoredTensor]

    /// Their moving averages; empty when there are none.
    var average: [StoredTensor] = []

    /// What the optimiser remembers.
    var optimizer: [StoredTensor] = []

    /// The states of random streams.
    var random: [StoredTensor] = []
}
