// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Conforming types get members that begin with an underscore; they are documented in the protocol.

/// A number in an operation with a tensor, of the kind that PyTorch's type promotion considers: an integer keeps an
/// integer tensor's type, a real number promotes it to floating point.
public enum Scalar: Sendable, Hashable, CustomStringConvertible {
    /// An integer.
    case integer(Int)
    /// A real number.
    case real(Double)
    /// A Boolean.
    case boolean(Bool)

    /// The number as text.
    public var description: String {
        switch self {
        case .integer(let value): value.description
        case .real(let value): value.description
        case .boolean(let value): value.description
        }
    }
}

/// A Swift number that can be combined with a tensor in an expression: `x * 2`, `1 - x`.
public protocol ScalarConvertible: Sendable {
    /// The number, with its kind.
    var _scalar: Scalar { get }
}

extension Scalar: ScalarConvertible {
    public var _scalar: Scalar { self }
}

extension Int: ScalarConvertible {
    public var _scalar: Scalar { .integer(self) }
}

extension Double: ScalarConvertible {
    public var _scalar: Scalar { .real(self) }
}

extension Float: ScalarConvertible {
    public var _scalar: Scalar { .real(Double(self)) }
}

extension Bool: ScalarConvertible {
    public var _scalar: Scalar { .boolean(self) }
}
