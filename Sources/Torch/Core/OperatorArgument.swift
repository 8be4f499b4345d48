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

    /// Appends a value of a kind, whose contents `fill` sets; of a list or a string with its length.
    @inline(__always)
    mutating func append(_ tag: ct_tag, count length: Int = 0, _ fill: (inout ct_value) -> Void = { _ in }) {
        var value = ct_value()
        value.tag = tag
        value.count = Int64(length)
        fill(&value)
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
        arguments.append(CT_TENSOR) { $0.tensor = handle }
    }

    public var _operatorDescription: String { summary }
}

extension Optional: OperatorArgument where Wrapped: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) {
        if let self {
            self._append(to: &arguments)
        } else {
            arguments.append(CT_NONE)
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
        let block = UnsafePointer(arguments.block(list.map { Optional($0.handle) }))
        arguments.append(CT_TENSORS, count: list.count) { $0.tensors = block }
    }
}

extension Optional: OperatorListElement where Wrapped == Tensor {
    public static func _append(_ list: [Tensor?], to arguments: inout _OperatorArguments) {
        let block = UnsafePointer(arguments.block(list.map { $0?.handle }))
        arguments.append(CT_OPTIONAL_TENSORS, count: list.count) { $0.tensors = block }
    }
}

// MARK: - Numbers and Booleans

extension Int: OperatorListElement {
    public func _append(to arguments: inout _OperatorArguments) {
        arguments.append(CT_INTEGER) { $0.integer = Int64(self) }
    }

    public static func _append(_ list: [Int], to arguments: inout _OperatorArguments) {
        let block = UnsafePointer(arguments.block(list.lazy.map(Int64.init)))
        arguments.append(CT_INTEGERS, count: list.count) { $0.integers = block }
    }

    public var _operatorDescription: String { description }
}

extension Double: OperatorListElement {
    public func _append(to arguments: inout _OperatorArguments) {
        arguments.append(CT_REAL) { $0.real = self }
    }

    public static func _append(_ list: [Double], to arguments: inout _OperatorArguments) {
        let block = UnsafePointer(arguments.block(list))
        arguments.append(CT_REALS, count: list.count) { $0.reals = block }
    }

    public var _operatorDescription: String { description }
}

extension Float: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) { Double(self)._append(to: &arguments) }

    public var _operatorDescription: String { description }
}

extension Bool: OperatorListElement {
    public func _append(to arguments: inout _OperatorArguments) {
        arguments.append(CT_BOOL) { $0.boolean = self }
    }

    public static func _append(_ list: [Bool], to arguments: inout _OperatorArguments) {
        let block = UnsafePointer(arguments.block(list))
        arguments.append(CT_BOOLS, count: list.count) { $0.booleans = block }
    }

    public var _operatorDescription: String { description }
}

// MARK: - Everything else

extension String: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) {
        let bytes = UnsafePointer(arguments.block(utf8.map(CChar.init(bitPattern:))))
        arguments.append(CT_STRING, count: utf8.count) { $0.string = bytes }
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
        arguments.append(CT_DEVICE) { $0.device = code }
    }

    public var _operatorDescription: String { description }
}

extension Generator: OperatorArgument {
    public func _append(to arguments: inout _OperatorArguments) {
        arguments.append(CT_GENERATOR) { $0.generator = handle }
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
