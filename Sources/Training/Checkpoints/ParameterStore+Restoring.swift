import Torch
import WeightFiles

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
