// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// What conforms here gets members that begin with an underscore; their comments are those of the protocol.

/// A single number that takes part in an operation with a tensor, with the kind that PyTorch's type promotion looks
/// at: an integer leaves an integer tensor alone, a real number makes it one of floating-point numbers.
public enum Scalar: Sendable, Hashable, CustomStringConvertible {
    /// An integer.
    case integer(Int)
    /// A real number.
    case real(Double)
    /// A truth value.
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

/// A Swift number that can stand beside a tensor in an expression: `x * 2`, `1 - x`.
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
