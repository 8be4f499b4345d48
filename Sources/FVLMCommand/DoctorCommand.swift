#if FVLM_TORCH
    import ArgumentParser
    import Foundation
    import Imaging
    import Torch

    /// `fvlm doctor`
    struct DoctorCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "doctor",
            abstract: "Shows versions, devices and processor features, and tries them.",
            discussion: "Example:\n  fvlm doctor")

        func run() throws {
            var rows = [
                ["libtorch", Runtime.version], ["vector instructions", Runtime.cpuCapability],
                ["threads", "\(Runtime.threadCount)"],
            ]
            for kind in [Device.Kind.cuda, .mps] {
                rows.append([kind.rawValue, "\(Device.count(of: kind)) devices"])
            }
            let trials = try Self.trials()
            for (name, works) in trials { rows.append([name, works ? "works" : "GIVES WRONG RESULTS"]) }
            print(TextTable(rows, leftAligned: 2).text, terminator: "")
            if trials.contains(where: { !$0.1 }) { throw ExitCode.failure }
        }

        /// Small computations with known results.
        private static func trials() throws -> [(String, Bool)] {
            let ones = try Tensor.ones([1, 8, 16, 16])
            let weight = try Tensor.ones([4, 8, 3, 3])
            let full = try ones.conv2d(weight)
            let half = try ones.to(.bfloat16).conv2d(weight.to(.bfloat16)).to(.float32)
            let leaf = try Tensor([3.0] as [Double]).requiringGrad()
            try (leaf * leaf).backward()
            let picture = try Image(width: 9, height: 7, filledWith: .black)
            let read = try Image(encoded: picture.encoded(as: .png()))
            return [
                ("convolution, float32", try full.min().item() == 72 && full.max().item() == 72),
                ("convolution, bfloat16", try half.min().item() == 72 && half.max().item() == 72),
                ("gradients", try leaf.grad?.item() == 6), ("pictures (PNG)", read == picture),
            ]
        }
    }
#endif
