/// Named tensors, in a file or from elsewhere.
public protocol WeightSource: Sendable {
    /// Where the tensors come from, for messages: a file's path.
    var origin: String { get }

    /// The names of all tensors, in the order of the source.
    var keys: [String] { get }

    /// The tensor called `name`.
    ///
    /// - Throws: ``WeightFileError`` when there is none of that name.
    func tensor(named name: String) throws -> StoredTensor
}

extension WeightSource {
    /// All tensors, in the order of ``keys``.
    public func tensors() throws -> [StoredTensor] { try keys.map { try tensor(named: $0) } }

    func missing(_ name: String) -> WeightFileError {
        WeightFileError(
            file: origin, place: "'\(name)'",
            reason: "no tensor of that name among \(keys.count) (\(keys.prefix(3).joined(separator: ", "))…)")
    }
}

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
