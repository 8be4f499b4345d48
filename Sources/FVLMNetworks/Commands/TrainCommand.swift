import ArgumentParser
import Dispatch
import FVLM
import FVLMCommand
import Foundation
import Support
import Torch
import Training

/// `fvlm train`
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .train,
        discussion: """
            Example:
              fvlm train coco.yaml --output runs/coco --set run.steps=2000
              fvlm train coco.yaml --output runs/coco --resume

            The run's folder contains metrics.jsonl, TensorBoard files, checkpoints, report.html, and at the end \
            model/, for fvlm detect. Interrupting (Ctrl-C, or closing the terminal) stops after the current \
            step, with a checkpoint; a second Ctrl-C stops at once.

            --resume-from imports a training state saved by a PyTorch program, \
            {"epoch", "model", "optimizer", "scheduler"} with detectron2's names, into a new folder: weights, the \
            optimiser's state, and the number of steps. Everything else, including the learning-rate schedule, comes \
            from the configuration. Anything that does not fit is an error; to use only the weights, set run.initialWeights.
            """)

    @Argument(help: "The configuration, a YAML file; fvlm train --defaults prints all settings.")
    var config: String?

    @Option(name: [.short, .long], help: ArgumentHelp("The run's folder.", valueName: "folder"))
    var output: String?

    @Flag(help: "Resume from the last checkpoint in the folder.")
    var resume = false

    @Option(help: ArgumentHelp("Resume from a PyTorch program's training state.", valueName: "file.pth"))
    var resumeFrom: String?

    @OptionGroup var settings: SettingArguments

    @Flag(help: "Print all settings with their defaults.")
    var defaults = false

    @Flag(help: "Copy the CLIP into the detector's folder, which then works anywhere.")
    var selfContained = false

    @Flag(help: "Print the time and memory of each part of a step.")
    var profile = false

    @OptionGroup var device: DeviceArguments

    @OptionGroup var threads: ThreadArguments

    func validate() throws {
        if config == nil, !defaults { throw ValidationError("pass a configuration, a YAML file") }
        if resume, resumeFrom != nil {
            throw ValidationError(
                "--resume continues the run in the folder and --resume-from a file: pass one of them")
        }
    }

    func run() throws {
        if defaults {
            try StandardOutput.print(
                TrainingConfiguration(defaultsWith: settings.values).yaml(withComments: true), terminator: "")
            return
        }
        guard let config else { return }
        try threads.apply()
        // Every step needs blocks of the same sizes as the one before.
        try Runtime.keepMemory(bytes: 2 << 30)
        let folder =
            output ?? "runs/" + URL(filePath: config).deletingPathExtension().lastPathComponent
        var settled = try TrainingConfiguration(contentsOf: config, settings: settings.values)
        device.apply(to: &settled)
        // The record of the run that is resumed may be what it is resumed by.
        try OutputGuard(settled, file: resume ? nil : config, state: resumeFrom)
            .check(run: folder, copiesCLIP: selfContained)
        let state = try resumeFrom.map { try PyTorchTrainingState(contentsOf: $0) }
        let training = try TrainingRun(settled, folder: folder)
        for note in training.notes { StandardError.note("\(note)") }
        let stopRequest = StopRequest()
        let signals = StopSignals { stopRequest.make() }
        let display = ProgressDisplay()
        let stages = profile ? StageProfile(on: training.device) : nil
        var reportedStep: Int?
        func handle(_ event: TrainingEvent) {
            if resume, case .started(let start) = event, start.step == 0 {
                StandardError.note("\(folder) has no checkpoint to resume: training starts")
            }
            display.show(event)
            guard let stages else { return }
            if case .started(let start) = event { reportedStep = start.step }
            guard case .progress(let progress) = event else { return }
            let steps = progress.step - (reportedStep ?? 0)
            reportedStep = progress.step
            stages.add(.decoding, .seconds(progress.timing.data * Double(steps)))
            stages.add(.backward, .seconds(progress.timing.backward * Double(steps)))
            stages.add(.update, .seconds(progress.timing.update * Double(steps)))
            ProfileTable.print(stages, pictures: max(steps, 1), unit: "step")
            stages.reset()
        }
        let summary = try StageProfile.$current.withValue(stages) {
            try training.start(
                resumes: resume, from: state, clip: selfContained ? .copy : .reference,
                stopRequest: stopRequest, handle)
        }
        withExtendedLifetime(signals) {}
        try StandardOutput.print(
            summary.isComplete
                ? "\(folder)/model (a detector's folder), \(folder)/report.html"
                : "stopped at step \(summary.step); continue with --resume")
    }
}
