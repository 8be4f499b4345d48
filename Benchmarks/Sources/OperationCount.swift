import CYardsticks

/// The multiplications and additions in libtorch's products and convolutions, layer by layer.
struct OperationCount {
    /// Layers with their numbers of operations, the largest first.
    let layers: [(name: String, operations: Double)]

    /// The operations of all layers.
    var total: Double { layers.reduce(0) { $0 + $1.operations } }

    /// Counts libtorch's operations in `body`, on all threads.
    init(_ body: () throws -> Void) rethrows {
        yardstick_count_operations()
        do {
            try body()
        } catch {
            _ = Self.counted()
            throw error
        }
        layers = Self.counted().sorted { $0.operations > $1.operations }
    }

    private static func counted() -> [(name: String, operations: Double)] {
        var layers: [(name: String, operations: Double)] = []
        withUnsafeMutablePointer(to: &layers) { layers in
            yardstick_operations(
                { name, operations, context in
                    guard let name, let context else { return }
                    context.assumingMemoryBound(to: [(name: String, operations: Double)].self).pointee
                        .append((String(cString: name), operations))
                }, layers)
        }
        return layers
    }
}
