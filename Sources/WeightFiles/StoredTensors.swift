/// Named tensors in memory, such as those that are about to be written.
public struct StoredTensors: WeightSource {
    /// What messages call them.
    public let origin: String

    /// The names, in the given order.
    public var keys: [String] { tensors.map(\.name) }

    private let tensors: [StoredTensor]
    private let indices: [String: Int]

    /// The tensors, in this order; of two with one name the first counts.
    public init(_ tensors: [StoredTensor], origin: String = "tensors in memory") {
        self.tensors = tensors
        self.origin = origin
        indices = Dictionary(
            tensors.indices.map { (tensors[$0].name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The tensor called `name`.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let index = indices[name] else { throw missing(name) }
        return tensors[index]
    }
}
