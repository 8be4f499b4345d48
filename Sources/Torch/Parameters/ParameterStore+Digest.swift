import Support

extension ParameterStore {
    /// A digest of evenly spaced values of every parameter: distinguishes different weights of the same network.
    ///
    /// - Throws: `TorchError`.
    package func digest() throws -> String {
        var digest = SHA256()
        for parameter in parameters where parameter.hasValue {
            let values = try parameter.value.detached().flattened()
            let stride = max(1, values.shape[0] / 256)
            let sampled = try values[TensorIndex.every(stride)].to(device: .cpu)
                .to(.float32).contiguous()
            try sampled.withBytes { digest.update($0) }
        }
        return String(digest.finalized().hexadecimal.prefix(16))
    }
}
