internal import CTorch
import Support

/// An error in libtorch or in a call to it.
public struct TorchError: ReportedError, Hashable {
    /// The operator or function that failed, such as `aten::matmul`.
    public let operation: String

    /// The arguments: element types and shapes of tensors, values of numbers. Empty if there were none.
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

    /// Not caused by data: out of memory, numeric overflow, or a missing operator.
    public var exitStatus: ExitStatus { .failure }
}

/// Throws the error reported by a call to the shim.
@inline(__always)
func check(
    _ error: ct_error?, _ operation: @autoclosure () -> String, _ arguments: @autoclosure () -> [String] = []
) throws {
    guard let error else { return }
    defer { ct_error_free(error) }
    throw TorchError(operation(), arguments: arguments(), reason: String(cString: error))
}
