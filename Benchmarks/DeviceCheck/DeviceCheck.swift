import ArgumentParser
import CLIP
import FVLM
import Foundation
import Support
import Torch
import WeightFiles

/// `device-check`: a device against the processor, and how fast it is. Needs no files: networks and pictures are random.
@main
struct DeviceCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device-check",
        abstract: "Compares a device with the processor, stage by stage, and measures it.",
        discussion: """
            Example:
              device-check --device cuda --json check.json --budget 300

            Ends with 1 when a check fails. Checks that would begin after the budget are left out, and named.
            """)

    @Option(help: "The device: auto, cpu, cuda, cuda:N or mps.", transform: { try DeviceChoice($0) })
    var device = DeviceChoice.automatic

    @Option(help: "small, or full for ResNet-50 and ViT-B/32 at the sizes of their presets.")
    var size: NetworkSize = .small

    @Option(help: "Seconds after which no further check begins.")
    var budget = 300.0

    @Option(help: "How many training steps are timed.")
    var steps = 20

    @Option(help: ArgumentHelp("Write the findings into this file.", valueName: "file"))
    var json: String?

    @Option(
        help: ArgumentHelp(
            "Write inputs and results of RoIAlign and suppression, for other programs to compare.",
            valueName: "file"))
    var tensors: String?

    enum NetworkSize: String, ExpressibleByArgument, CaseIterable {
        case small, full
    }

    func run() throws {
        StandardStreams.prepare()
        let chosen = try device.resolved { StandardError.note($0) }
        let report = CheckReport(
            device: chosen.description, libtorch: Runtime.version, driver: Device.driverVersion,
            budget: budget)
        // Exact sums, to be compared with the processor's.
        Runtime.setTensorFloat32(false)
        for family in Family.allCases {
            let subject = CheckSubject(family, isFull: size == .full, device: chosen)
            for check in AgreementChecks.all(of: subject) + BehaviorChecks.all(of: subject) {
                report.run("\(family.rawValue): \(check.name)", check.body)
            }
            for check in SpeedChecks.all(of: subject, steps: steps) {
                report.run("\(family.rawValue): \(check.name)", check.body)
            }
        }
        if let tensors {
            report.run("tensors for other programs") {
                try SecondOpinion.write(to: tensors, device: chosen)
                return [:]
            }
        }
        if let json { try AtomicFile.write(report.json(), to: json) }
        try StandardOutput.print(report.summary)
        try StandardOutput.finish()
        if report.hasFailed { throw ExitCode.failure }
    }
}

/// The two kinds of detectors.
enum Family: String, CaseIterable {
    case published, transformer = "vit"
}

/// A check: its name, and what it does. It gives figures, and throws when something is wrong.
struct Check {
    let name: String
    let body: () throws -> [String: Double]

    init(_ name: String, _ body: @escaping () throws -> [String: Double]) {
        self.name = name
        self.body = body
    }
}

/// Something that is not as it should be.
struct CheckFailure: Error, CustomStringConvertible {
    let description: String
}
