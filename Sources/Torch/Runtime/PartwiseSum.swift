/// A sum whose parts are computed one after another, each together with its gradients: the graph of one part is held at a
/// time, not that of all.
///
/// What a head keeps of hundreds of regions for the backward pass is as large as all its activations. Nothing is computed
/// twice: the backward pass multiplies the gradients that are there by that of the sum. Sum and gradients are those of the
/// sum computed at once but for their last digits.
package struct PartwiseSum {
    private let name: String
    private let maps: [Tensor]
    private let parameters: [Tensor]

    /// A sum that depends on maps and parameters.
    /// - Parameters:
    ///   - name: Shown in error messages.
    ///   - maps: [N, ...], of which a part reads some of the N rows.
    ///   - parameters: What else gradients flow to; leaves of the graph.
    package init(_ name: String, maps: [Tensor], parameters: [Tensor]) {
        self.name = name
        self.maps = maps
        self.parameters = parameters.filter(\.requiresGrad)
    }

    /// Computes the sum.
    /// - Parameters:
    ///   - parts: The rows of the maps that each part reads; at least one part.
    ///   - term: A part's term, without dimensions, from its number and its rows of the maps.
    /// - Returns: The sum, `float32`, part of the graph if gradients are recorded.
    /// - Throws: The errors of `term`; ``TorchError``.
    package func callAsFunction(
        _ parts: [Range<Int>], term: (_ part: Int, _ maps: [Tensor]) throws -> Tensor
    ) throws -> Tensor {
        let learnsMaps = maps.map(\.requiresGrad)
        let isRecorded = isRecordingGradients && (learnsMaps.contains(true) || !parameters.isEmpty)
        var sum = try Tensor.zeros([])
        var mapGradients: [Tensor?] = maps.map { _ in nil }
        var parameterGradients: [Tensor?] = parameters.map { _ in nil }
        for (part, rows) in parts.enumerated() {
            let slices = try zip(maps, learnsMaps).map { map, learns in
                let slice = try map.detached().narrowed(0, start: rows.lowerBound, length: rows.count)
                return learns ? try slice.requiringGrad() : slice
            }
            let value = try term(part, slices)
            sum = try sum + value.detached().to(.float32)
            guard isRecorded, value.requiresGrad else { continue }
            let learned = zip(slices, learnsMaps).filter(\.1).map(\.0) + parameters
            // The backward pass runs in the types of the forward pass.
            var gradients = try withAutocast(nil, device: value.device.kind) {
                try Tensor.gradients(of: [value], withRespectTo: learned)
            }[...]
            for place in maps.indices where learnsMaps[place] {
                guard let gradient = gradients.removeFirst() else { continue }
                let total = try mapGradients[place] ?? maps[place].detached().to(.float32).zerosLike()
                try total.narrowed(0, start: rows.lowerBound, length: rows.count).addInPlace(gradient)
                mapGradients[place] = total
            }
            for (place, gradient) in gradients.enumerated() {
                guard let gradient else { continue }
                if let total = parameterGradients[place] {
                    try total.addInPlace(gradient)
                } else {
                    // Two parameters may have got one tensor.
                    let isShared = parameterGradients.contains { $0?.sharesStorage(with: gradient) == true }
                    parameterGradients[place] = isShared ? try gradient.clone() : gradient
                }
            }
        }
        guard isRecorded else { return sum }
        let found = try zip(maps, mapGradients).map { try $1?.to($0.dtype) } + parameterGradients
        let result = sum
        return try withCustomGradient(name, of: maps + parameters) {
            [result]
        } backward: { gradients in
            guard let factor = gradients[0] else { return found.map { _ in nil } }
            if try factor.item() == 1 { return found }
            return try found.map { try $0.map { try $0 * factor.to($0.dtype) } }
        }[0]
    }
}
