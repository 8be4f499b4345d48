// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Conforming types get members that begin with an underscore; they are documented in the protocol.

internal import CTorch
import WeightFiles

/// A value that can be passed to an ``Operator``.
///
/// Conforming types are tensors and optional tensors, integers, real numbers and Booleans, lists of these, strings,
/// element types, devices, memory formats and generators; other types cannot conform. The requirements begin with an
/// underscore because numbers, strings and arrays get them in every program that imports this module.
public protocol OperatorArgument {
    /// Appends the value to the arguments of a call.
    func _append(to arguments: inout _OperatorArguments)

    /// The value's form in error messages.
    var _operatorDescription: String { get }
}

/// The arguments of one call, in the shim's form.
public struct _OperatorArguments: ~Copyable {
    var values: UnsafeMutablePointer<ct_value>
    private(set) var count = 0
    private var capacity: Int
    private var blocks: [UnsafeMutableRawPointer] = []

    init(capacity: Int) {
        self.capacity = capacity
        values = .allocate(capacity: capacity)
    }

    deinit {
        for block in blocks { block.deallocate() }
        values.deallocate()
    }

    @inline(__always)
    mutating func append(_ value: ct_value) {
        if count == capacity { grow() }
        (values + count).initialize(to: value)
        count += 1
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<ct_value>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: values, count: count)
        values.deallocate()
        values = larger
        capacity *= 2
    }

    /// Allocates memory that lives as long as the call.
    mutating func block<Element: BitwiseCopyable>(_ elements: some Collection<Element>)
        -> UnsafeMutablePointer<Element>
    {
        let block = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(elements.count, 1))
        _ = block.initialize(fromContentsOf: elements)
        let start = UnsafeMutableRawPointer(block.baseAddress.unsafelyUnwrapped)
        blocks.append(start)
        return start.assumingMemoryBound(to: Element.self)
    }
}

// MARK: - Tensors

extension Tensor: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_TENSOR
        value.tensor = handle
        arguments.append(value)
    }

    public var _operatorDescription: String { summary }
}

extension Optional: OperatorArgument where Wrapped: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) {
        if let self {
            self._append(to: &arguments)
        } else {
            var value = ct_value()
            value.tag = CT_NONE
            arguments.append(value)
        }
    }

    public var _operatorDescription: String { self?._operatorDescription ?? "none" }
}

extension Array: OperatorArgument where Element: OperatorListElement {
    public func _append(to arguments: inout _OperatorArguments) { Element._append(self, to: &arguments) }

    public var _operatorDescription: String {
        let shown = prefix(8).map(\._operatorDescription).joined(separator: ", ")
        return count > 8 ? "[\(shown), … \(count) in all]" : "[\(shown)]"
    }
}

/// A value that an ``Operator`` accepts in lists.
public protocol OperatorListElement: OperatorArgument {
    /// Appends a list of such values to the arguments of a call.
    static func _append(_ list: [Self], to arguments: inout _OperatorArguments)
}

extension Tensor: OperatorListElement {
    public static func _append(_ list: [Tensor], to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_TENSORS
        value.count = Int64(list.count)
        value.tensors = UnsafePointer(arguments.block(list.map { Optional($0.handle) }))
        arguments.append(value)
    }
}

extension Optional: OperatorListElement where Wrapped == Tensor {
    public static func _append(_ list: [Tensor?], to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_OPTIONAL_TENSORS
        value.count = Int64(list.count)
        value.tensors = UnsafePointer(arguments.block(list.map { $0?.handle }))
        arguments.append(value)
    }
}

// MARK: - Numbers and Booleans

extension Int: OperatorListElement {
    public func _append(to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_INTEGER
        value.integer = Int64(self)
        arguments.append(value)
    }

    public static func _append(_ list: [Int], to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_INTEGERS
        value.count = Int64(list.count)
        value.integers = UnsafePointer(arguments.block(list.lazy.map(Int64.init)))
        arguments.append(value)
    }

    public var _operatorDescription: String { description }
}

extension Double: OperatorListElement {
    public func _append(to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_REAL
        value.real = self
        arguments.append(value)
    }

    public static func _append(_ list: [Double], to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_REALS
        value.count = Int64(list.count)
        value.reals = UnsafePointer(arguments.block(list))
        arguments.append(value)
    }

    public var _operatorDescription: String { description }
}

extension Float: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) { Double(self)._append(to: &arguments) }

    public var _operatorDescription: String { description }
}

extension Bool: OperatorListElement {
    public func _append(to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_BOOL
        value.boolean = self
        arguments.append(value)
    }

    public static func _append(_ list: [Bool], to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_BOOLS
        value.count = Int64(list.count)
        value.booleans = UnsafePointer(arguments.block(list))
        arguments.append(value)
    }

    public var _operatorDescription: String { description }
}

// MARK: - Everything else

extension String: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) {
        let bytes = arguments.block(utf8.map(CChar.init(bitPattern:)))
        var value = ct_value()
        value.tag = CT_STRING
        value.count = Int64(utf8.count)
        value.string = UnsafePointer(bytes)
        arguments.append(value)
    }

    public var _operatorDescription: String { "\"\(self)\"" }
}

extension DType: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) { Int(code.rawValue)._append(to: &arguments) }

    public var _operatorDescription: String { rawValue }
}

extension MemoryFormat: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) { Int(code.rawValue)._append(to: &arguments) }

    public var _operatorDescription: String { "\(self)" }
}

extension Device: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_DEVICE
        value.device = code
        arguments.append(value)
    }

    public var _operatorDescription: String { description }
}

extension Generator: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) {
        var value = ct_value()
        value.tag = CT_GENERATOR
        value.generator = handle
        arguments.append(value)
    }

    public var _operatorDescription: String { "generator" }
}

extension Scalar: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) {
        switch self {
        case .integer(let value): value._append(to: &arguments)
        case .real(let value): value._append(to: &arguments)
        case .boolean(let value): value._append(to: &arguments)
        }
    }

    public var _operatorDescription: String { "\(self)" }
}
