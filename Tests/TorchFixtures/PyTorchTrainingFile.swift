import Torch
import WeightFiles

/// Files as PyTorch programs write them that save `{"epoch", "model", "optimizer", "scheduler"}`.
package enum PyTorchTrainingFile {
    /// Writes such a file; `torch.load(path, weights_only=True)` reads it.
    /// - Parameters:
    ///   - model: The weights under the names that the file is to have.
    ///   - optimizer: What the optimizer remembers, named `slot/parameter`.
    ///   - parameters: The parameters' names in the order in which PyTorch's optimizer will get them.
    ///   - learningRate: Of the only group.
    ///   - scheduleSteps: PyTorch's `last_epoch`.
    /// - Throws: `WeightFileError`; `TorchError` for a state of a parameter that is not among `parameters`.
    package static func write(
        epoch: Int, model: [StoredTensor], optimizer: [StoredTensor], parameters: [String],
        learningRate: Double, scheduleSteps: Int, to path: String
    ) throws {
        let places = Dictionary(
            parameters.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var slots: [Int: [(key: CheckpointValue.Key, value: CheckpointValue)]] = [:]
        for tensor in optimizer {
            guard let slash = tensor.name.firstIndex(of: "/"),
                let place = places[String(tensor.name[tensor.name.index(after: slash)...])]
            else {
                throw TorchError(
                    path, reason: "the optimizer's '\(tensor.name)' belongs to none of the parameters")
            }
            slots[place, default: []].append((.text(String(tensor.name[..<slash])), .tensor(tensor)))
        }
        let state = slots.sorted { $0.key < $1.key }.map {
            (key: CheckpointValue.Key.integer($0.key), value: CheckpointValue.dictionary($0.value))
        }
        let group: CheckpointValue = [
            "lr": .real(learningRate), "params": .list(parameters.indices.map { .integer($0) }),
        ]
        try PyTorchArchive.write(
            [
                "epoch": .integer(epoch), "model": .tensors(model),
                "optimizer": ["state": .dictionary(state), "param_groups": [group]],
                "scheduler": ["last_epoch": .integer(scheduleSteps)],
            ], to: path)
    }
}
