import ArgumentParser
import FVLMCommand
import Torch

/// The precision of a network's computation.
enum Precision: String, ExpressibleByArgument, CaseIterable {
    case float32
    case bfloat16

    var dtype: DType { self == .float32 ? .float32 : .bfloat16 }
}

/// The precision of a command's network.
struct PrecisionArguments: ParsableArguments {
    @Option(name: .customLong("precision"), help: "float32, or bfloat16 where the processor supports it.")
    var value = Precision.float32

    var dtype: DType { value.dtype }
}

/// Settings that override those of a file.
struct SettingArguments: ParsableArguments {
    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("A setting that overrides the file's; may be repeated.", valueName: "key=value"))
    var values: [String] = []
}

extension ThreadArguments {
    /// Sets the number of threads of libtorch and of the kernels.
    func apply() throws {
        if count > 0 { try Runtime.setThreadCount(count) }
    }
}

/// The option `--batch-size` of all commands that have it.
enum BatchSize {
    private static let range = 1...65_536

    /// - Throws: `ValidationError` for a number of items that no batch can have.
    static func check(_ count: Int) throws {
        guard range.contains(count) else {
            throw ValidationError("--batch-size must be from \(range.lowerBound) to \(range.upperBound)")
        }
    }
}
