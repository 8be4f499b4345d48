import ArgumentParser
import FVLMCommand
import Torch

/// The commands of this module, and their set-up of libtorch.
enum NetworkCommands {
    static let all: [any ParsableCommand.Type] = [
        DetectCommand.self, TrackCommand.self, TrainCommand.self, CacheCommand.self, EvaluateCommand.self,
        CalibrateCommand.self, QuantizeCommand.self, IndexCommand.self, SearchCommand.self, ServeCommand.self,
        EmbedCommand.self,
        VocabularyCommand.self, ConvertCommand.self,
    ]

    /// Keeps the memory of large tensors for reuse.
    static func prepare() throws { try Runtime.keepMemory() }

    /// Adds libtorch's properties, and small computations with known results.
    static func examine(_ report: inout DoctorReport) throws {
        report.libtorch = Runtime.version
        report.vectorInstructions = Runtime.cpuCapability
        report.threads = Runtime.threadCount
        for kind in [Device.Kind.cuda, .mps] {
            report.devices[kind.rawValue] = Device.count(of: kind)
            if Device.availability(of: kind) != .notBuilt { report.backends.append(kind.rawValue) }
            do { _ = try DeviceChoice.device(Device(kind)).resolved() } catch let error as DeviceError {
                report.deviceFaults[kind.rawValue] = error.reason
            }
        }
        report.backends.append("cpu")
        report.drivers["cuda"] = Device.driverVersion
        let ones = try Tensor.ones([1, 8, 16, 16])
        let weight = try Tensor.ones([4, 8, 3, 3])
        let full = try ones.conv2d(weight)
        let half = try ones.to(.bfloat16).conv2d(weight.to(.bfloat16)).to(.float32)
        let leaf = try Tensor([3.0] as [Double]).requiringGrad()
        try (leaf * leaf).backward()
        report.trials["convolution, float32"] = try full.min().item() == 72 && full.max().item() == 72
        report.trials["convolution, bfloat16"] = try half.min().item() == 72 && half.max().item() == 72
        report.trials["gradients"] = try leaf.grad?.item() == 6
    }
}
