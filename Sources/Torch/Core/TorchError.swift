internal import CTorch
import Support

/// What went wrong in libtorch, or on the way to it.
public struct TorchError: ReportedError, Hashable {
    /// The operator or function that failed, such as `aten::matmul`.
    public let operation: String

    /// What it was given: element types and shapes of tensors, values of numbers. Empty when it took nothing.
    public let arguments: [String]

    /// The reason, in one line.
    public let reason: String

    /// Creates an error; only the first line of the reason is kept.
    public init(_ operation: String, arguments: [String] = [], reason: String) {
        self.operation = operation
        self.arguments = arguments
        self.reason =
            reason.split(whereSeparator: \.isNewline).first.map(String.init) ?? "no reason was given"
    }

    /// The operation with its arguments: `aten::matmul(float32[2, 3], float32[4, 5])`.
    public var subject: String {
        arguments.isEmpty ? operation : "\(operation)(\(arguments.joined(separator: ", ")))"
    }

    /// Not the data's fault: memory that ran out, numbers that overflowed, an operator that is not there.
    public var exitStatus: ExitStatus { .failure }
}

/// Throws what a call into the shim reports.
@inline(__always)
func check(
    _ error: ct_error?, _ operation: @autoclosure () -> String, _ arguments: @autoclosure () -> [String] = []
) throws {
    guard let error else { return }
    defer { ct_error_free(error) }
    throw TorchError(operation(), arguments: arguments(), reason: String(cString: error))
}
