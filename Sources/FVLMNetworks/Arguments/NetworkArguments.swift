import ArgumentParser
import FVLM
import FVLMCommand
import Support
import Torch
import Training

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

extension Detector.Precision: ExpressibleByArgument {}

/// The precision of a command's detector.
struct DetectorPrecisionArguments: ParsableArguments {
    @Option(
        name: .customLong("precision"),
        help:
            "float32, bfloat16 where the processor supports it, or int8 for a detector that fvlm quantize has looked into."
    )
    var value = Detector.Precision.float32
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

/// Where a command's network computes.
struct DeviceArguments: ParsableArguments {
    @Option(
        name: .customLong("device"),
        help: ArgumentHelp(
            "Where the network computes: auto (a GPU that works, otherwise the processor), cpu, cuda, cuda:N or mps.",
            valueName: "device"), completion: .list(["auto", "cpu", "cuda", "mps"]),
        transform: { try DeviceChoice($0) })
    var choice: DeviceChoice?

    @Flag(
        name: .customLong("tf32"),
        help: "Let NVIDIA's GPUs compute float32 with ten bits of mantissa (TF32): faster, less exact.")
    var allowsTensorFloat32 = false

    /// The device, which works. What `auto` has chosen is noted.
    func resolved() throws -> Device {
        let device = try (choice ?? .automatic).resolved { StandardError.note($0) }
        if device.kind == .cuda { Runtime.setTensorFloat32(allowsTensorFloat32) }
        return device
    }

    /// Replaces the settings of a training where something was said.
    func apply(to configuration: inout TrainingConfiguration) {
        if let choice { configuration.run.device = choice }
        if allowsTensorFloat32 { configuration.run.allowsTensorFloat32 = true }
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
