/// Named tensors from a file or another source.
public protocol WeightSource: Sendable {
    /// The origin of the tensors, for messages: a file's path.
    var origin: String { get }

    /// The names of all tensors, in the order of the source.
    var keys: [String] { get }

    /// The tensor called `name`.
    ///
    /// - Throws: ``WeightFileError`` if there is none with that name.
    func tensor(named name: String) throws -> StoredTensor
}

extension WeightSource {
    /// All tensors, in the order of ``keys``.
    public func tensors() throws -> [StoredTensor] { try keys.map { try tensor(named: $0) } }

    func missing(_ name: String) -> WeightFileError {
        WeightFileError(
            file: origin, place: "'\(name)'",
            reason:
                "no tensor with that name among \(keys.count) (\(keys.prefix(3).joined(separator: ", "))…)")
    }
}

/// Named tensors in memory, such as those to be written.
public struct StoredTensors: WeightSource {
    /// The name in messages.
    public let origin: String

    /// The names, in the given order.
    public var keys: [String] { tensors.map(\.name) }

    private let tensors: [StoredTensor]
    private let indices: [String: Int]

    /// Creates a source of the tensors, in this order; of two tensors with the same name, the first counts.
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
