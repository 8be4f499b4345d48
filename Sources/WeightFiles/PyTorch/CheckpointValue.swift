/// A value to be written into a checkpoint: what ``PyTorchArchive/write(_:to:)`` takes.
///
/// Literals stand for themselves: `["epoch": 3, "model": .tensors(state), "rates": [0.1, 0.01]]`.
public enum CheckpointValue: Sendable {
    /// `None`.
    case none
    /// `True` or `False`.
    case boolean(Bool)
    /// A whole number.
    case integer(Int)
    /// A floating-point number.
    case real(Double)
    /// A string.
    case text(String)
    /// A list.
    case list([CheckpointValue])
    /// A tuple.
    case tuple([CheckpointValue])
    /// A dictionary in this order.
    case dictionary([(key: Key, value: CheckpointValue)])
    /// A tensor; its name is not written.
    case tensor(StoredTensor)

    /// A key of a dictionary: text, or a whole number as in the states of torch's optimizers.
    public enum Key: Sendable, Hashable {
        /// A string.
        case text(String)
        /// A whole number.
        case integer(Int)
    }

    /// A dictionary of tensors by their names: a state_dict.
    public static func tensors(_ tensors: [StoredTensor]) -> CheckpointValue {
        .dictionary(tensors.map { (.text($0.name), .tensor($0)) })
    }
}

extension CheckpointValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// `None`.
    public init(nilLiteral: ()) { self = .none }

    /// `True` or `False`.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }

    /// A whole number.
    public init(integerLiteral value: Int) { self = .integer(value) }

    /// A floating-point number.
    public init(floatLiteral value: Double) { self = .real(value) }

    /// A string.
    public init(stringLiteral value: String) { self = .text(value) }

    /// A list.
    public init(arrayLiteral elements: CheckpointValue...) { self = .list(elements) }

    /// A dictionary in the order of the literal.
    public init(dictionaryLiteral elements: (Key, CheckpointValue)...) {
        self = .dictionary(elements.map { (key: $0.0, value: $0.1) })
    }
}

extension CheckpointValue.Key: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    /// A text key.
    public init(stringLiteral value: String) { self = .text(value) }

    /// A numeric key.
    public init(integerLiteral value: Int) { self = .integer(value) }
}
