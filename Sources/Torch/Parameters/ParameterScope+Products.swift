extension ParameterScope {
    /// The form of a product of this scope, which the store lists if bytes can compute it.
    /// - Parameters:
    ///   - kind: What is multiplied.
    ///   - parameter: The weights, [outputs, inputs, ...].
    ///   - weight: What is multiplied, where it is not the weights as they are.
    ///   - suffix: A name below the scope's, where it has several products.
    func productForm(
        _ kind: ProductForm.Kind, of parameter: Parameter, suffix: String? = nil, isSupported: Bool = true,
        weight: (@Sendable () throws -> Tensor)? = nil
    ) -> ProductForm {
        let form = ProductForm(
            name: suffix.map { name(of: $0) } ?? path, kind: kind, weight: weight ?? { try parameter.value })
        // Few channels leave most of the kernel's registers empty, and are those of first and last layers.
        if isSupported, parameter.shape[0] >= 32, parameter.shape[1] >= 32 { store.add(form) }
        return form
    }
}
