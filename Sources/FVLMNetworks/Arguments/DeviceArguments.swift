import ArgumentParser
import FVLMCommand
import Support
import Torch
import Training

/// Where a command's network computes.
struct DeviceArguments: ParsableArguments {
    @Option(
        name: .customLong("device"),
        help: ArgumentHelp(
            "Where the network computes: auto (a GPU that works, otherwise the processor), cpu, cuda, cuda:N or mps.",
            valueName: "device"),
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
