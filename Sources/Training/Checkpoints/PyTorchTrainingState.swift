import Torch
import WeightFiles

/// The training state of PyTorch programs that save `{"epoch", "model", "optimizer", "scheduler"}`.
///
/// PyTorch's optimizers identify parameters by index; the caller provides the names.
public struct PyTorchTrainingState: Sendable {
    /// The path of the file.
    let path: String

    private let archive: PyTorchArchive
    private let keys: Set<String>

    /// Opens a `.pth` file.
    /// - Throws: `WeightFileError`; ``TrainingError`` if the file has no `model`.
    public init(contentsOf path: String) throws {
        self.path = path
        archive = try PyTorchArchive(contentsOf: path)
        guard let model = archive.root["model"]?.items else {
            let keys = archive.root.items?.compactMap(\.key.string).prefix(8).joined(separator: ", ")
            throw TrainingError(
                path,
                "has no dictionary 'model' (its keys: \(keys ?? "none")); a bare state_dict is imported as weights"
            )
        }
        keys = Set(model.compactMap(\.key.string))
    }

    /// The number of the last epoch; 0 if the file has none.
    var epoch: Int { archive.root["epoch"]?.integer ?? 0 }

    /// The number of epochs or steps of the schedule, PyTorch's `last_epoch`; nil if the file has no schedule.
    var scheduleSteps: Int? { archive.root["scheduler"]?["last_epoch"]?.integer }

    /// The learning rates of the optimizer's groups; empty if the file has no optimizer.
    var learningRates: [Double] {
        guard case .list(let groups)? = archive.root["optimizer"]?["param_groups"]?.content else { return [] }
        return groups.compactMap { $0["lr"]?.real }
    }

    /// The weights.
    /// - Parameter name: This network's name for a key of the file; nil skips the tensor.
    /// - Throws: `WeightFileError`.
    func model(naming name: (String) -> String?) throws -> StoredTensors {
        let prefix = "model."
        let tensors = try archive.keys.compactMap { key -> StoredTensor? in
            guard key.hasPrefix(prefix), let name = name(String(key.dropFirst(prefix.count))) else {
                return nil
            }
            var tensor = try archive.tensor(named: key)
            tensor.name = name
            return tensor
        }
        return StoredTensors(tensors, origin: path)
    }

    /// The keys of the weights and buffers, in the file's order.
    var modelKeys: [String] {
        archive.root["model"]?.items?.compactMap { $0.value.tensor == nil ? nil : $0.key.string } ?? []
    }

    /// The keys of the parameters in the order of PyTorch's optimizer; nil if the file has no optimizer.
    ///
    /// The file states them (`param_names`) only if the program asked for it. Otherwise an optimizer with a single
    /// group is assumed to hold all parameters of the model, in the order of `model.parameters()`, or those of them
    /// that are trained here: whichever matches the number and the shapes in the file.
    /// - Parameter isTrained: Whether a key belongs to a parameter that is trained here.
    /// - Throws: ``TrainingError`` if neither matches.
    func optimizerKeys(isTrained: (String) -> Bool) throws -> [String]? {
        guard case .list(let groups)? = archive.root["optimizer"]?["param_groups"]?.content else {
            return nil
        }
        func elements(_ value: PickleValue?) -> [PickleValue] {
            if case .list(let elements)? = value?.content { elements } else { [] }
        }
        func refusal(_ reason: String) -> TrainingError {
            TrainingError(
                path,
                "\(reason); the order of its parameters is unknown. Start from the weights instead (run.initialWeights)"
            )
        }
        let count = groups.reduce(0) { $0 + elements($1["params"]).count }
        let named = groups.flatMap { elements($0["param_names"]).compactMap(\.string) }
        guard named.count == count || groups.count == 1 else {
            throw refusal("the optimizer has \(groups.count) groups without names (param_names)")
        }
        // Frozen norms are buffers in some programs and parameters in others.
        let all = modelKeys.filter { !isStatistic($0) }
        let withoutFrozenNorms = all.filter { !isOfFrozenNorm($0) }
        let candidates =
            named.count == count
            ? [named]
            : [all, withoutFrozenNorms, all.filter(isTrained), withoutFrozenNorms.filter(isTrained)]
        let numbered = candidates.filter { $0.count == count }
        guard !numbered.isEmpty else {
            throw refusal(
                "the optimizer has \(count) parameters, the model \(all.count), of which \(candidates[2].count) are trained here"
            )
        }
        let shapes = modelShapes
        let fitting = Set(numbered.filter { wrongShapes($0, shapes).isEmpty })
        if fitting.isEmpty {
            let wrong = wrongShapes(numbered[0], shapes).prefix(4).joined(separator: "; ")
            throw refusal(
                "the optimizer's state and the parameters in order have different shapes: \(wrong)")
        }
        guard let keys = fitting.first, fitting.count == 1 else {
            throw refusal("the optimizer's \(count) parameters match the model's in several ways")
        }
        return keys
    }

    private var modelShapes: [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        for (key, value) in archive.root["model"]?.items ?? [] {
            if let name = key.string, let tensor = value.tensor { shapes[name] = tensor.shape }
        }
        return shapes
    }

    private static let statistics = ["running_mean", "running_var", "num_batches_tracked"]

    private func isStatistic(_ key: String) -> Bool {
        Self.statistics.contains { key == $0 || key.hasSuffix("." + $0) }
    }

    /// Whether a key belongs to a norm without a count of batches.
    private func isOfFrozenNorm(_ key: String) -> Bool {
        let scope = key.lastIndex(of: ".").map { key[...$0] } ?? ""
        return keys.contains(scope + "running_mean") && !keys.contains(scope + "num_batches_tracked")
    }

    /// State of the optimizer whose shape differs from its parameter's.
    private func wrongShapes(_ names: [String], _ shapes: [String: [Int]]) -> [String] {
        var wrong: [String] = []
        for (place, value) in archive.root["optimizer"]?["state"]?.items ?? [] {
            guard let place = place.integer, names.indices.contains(place) else { continue }
            for (slot, value) in value.items ?? [] {
                // Counts of steps are scalars.
                guard let shape = value.tensor?.shape, !shape.isEmpty, shape != shapes[names[place]] else {
                    continue
                }
                let expected = shapes[names[place]].map { "\($0)" } ?? "missing"
                wrong.append(
                    "\(slot.string ?? "?") of \(names[place]) is \(shape), the parameter \(expected)")
            }
        }
        return wrong
    }

    /// The optimizer's state, in the form that `Optimizer.load(state:)` takes; nil if the file has none.
    /// - Parameter parameters: This network's names of the parameters, in the order of PyTorch's optimizer; nil for
    ///   those that this network lacks.
    /// - Throws: ``TrainingError`` if the numbers of parameters differ; `WeightFileError`.
    func optimizerState(parameters: [String?]) throws -> StoredTensors? {
        guard let state = archive.root["optimizer"]?["state"]?.items else { return nil }
        var tensors: [StoredTensor] = []
        for (key, value) in state {
            guard let place = key.integer, let slots = value.items else { continue }
            guard parameters.indices.contains(place) else {
                throw TrainingError(
                    path,
                    "the optimizer has parameter \(place), but only \(parameters.count) names were given")
            }
            guard let parameter = parameters[place] else { continue }
            for (slot, value) in slots {
                guard let slot = slot.string else { continue }
                if var tensor = value.tensor {
                    tensor.name = "\(slot)/\(parameter)"
                    tensors.append(tensor)
                } else if let number = value.real {
                    // Older versions store the step count as a plain number.
                    tensors.append(try Tensor(scalar: Float(number)).stored(named: "\(slot)/\(parameter)"))
                }
            }
        }
        return StoredTensors(tensors, origin: path)
    }
}
