// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Conforming types get members that begin with an underscore; they are documented in the protocol.

/// One part of a subscript: a number, a range, a mask, a tensor of indices, ``ellipsis``, ``newAxis``, ``all``.
public enum TensorIndex: Sendable {
    /// A single index, which removes its dimension. Negative numbers count from the end.
    case at(Int)
    /// Indices from `start` up to but not including `end`; either may be nil, negative numbers count from the end.
    case slice(from: Int?, to: Int?, by: Int)
    /// A new dimension of size 1.
    case newAxis
    /// All remaining dimensions.
    case ellipsis
    /// Indices (integers) or a mask (Booleans).
    case tensor(Tensor)

    /// A whole dimension.
    public static var all: TensorIndex { .slice(from: nil, to: nil, by: 1) }

    /// Every `step`-th index.
    public static func every(_ step: Int) -> TensorIndex { .slice(from: nil, to: nil, by: step) }
}

/// A value that a tensor's subscript accepts.
public protocol TensorIndexConvertible {
    /// The index.
    /// - Throws: ``TorchError`` if it needs a tensor and none can be created.
    func _tensorIndex() throws -> TensorIndex
}

extension TensorIndex: TensorIndexConvertible {
    public func _tensorIndex() -> TensorIndex { self }
}

extension Int: TensorIndexConvertible {
    public func _tensorIndex() -> TensorIndex { .at(self) }
}

extension Tensor: TensorIndexConvertible {
    public func _tensorIndex() -> TensorIndex { .tensor(self) }
}

extension Array: TensorIndexConvertible where Element == Int {
    public func _tensorIndex() throws -> TensorIndex { .tensor(try Tensor(self)) }
}

extension Range<Int>: TensorIndexConvertible {
    public func _tensorIndex() -> TensorIndex { .slice(from: lowerBound, to: upperBound, by: 1) }
}

extension ClosedRange<Int>: TensorIndexConvertible {
    // An upper bound of -1 means the last index, which only an open end can express.

    public func _tensorIndex() -> TensorIndex {
        .slice(from: lowerBound, to: upperBound == -1 ? nil : upperBound + 1, by: 1)
    }
}

extension PartialRangeFrom<Int>: TensorIndexConvertible {
    public func _tensorIndex() -> TensorIndex { .slice(from: lowerBound, to: nil, by: 1) }
}

extension PartialRangeUpTo<Int>: TensorIndexConvertible {
    public func _tensorIndex() -> TensorIndex { .slice(from: nil, to: upperBound, by: 1) }
}

extension PartialRangeThrough<Int>: TensorIndexConvertible {
    public func _tensorIndex() -> TensorIndex {
        .slice(from: nil, to: upperBound == -1 ? nil : upperBound + 1, by: 1)
    }
}
