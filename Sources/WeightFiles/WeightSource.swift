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
