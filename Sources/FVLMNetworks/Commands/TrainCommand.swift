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

            Several processes: --processes N starts them on this machine; torchrun, Slurm's srun and mpirun start them on several \
            (Documentation/Scaling.md). data.batchSize counts the pictures of all, so that the training is the same on any \
            number of them. All see the run's folder, into which process 0 alone writes.

            --resume-from imports a training state saved by a PyTorch program, \
            {"epoch", "model", "optimizer", "scheduler"} with detectron2's names, into a new folder: weights, the \
            optimizer's state, and the number of steps. Everything else, including the learning-rate schedule, comes \
            from the configuration. Anything that does not fit is an error; to use only the weights, set run.initialWeights.
            """)

    @Argument(
        help: "The configuration, a YAML file; fvlm train --defaults prints all settings.",
        completion: .file())
    var config: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The run's folder.", valueName: "folder"),
        completion: .directory)
    var output: String?

    @Flag(help: "Resume from the last checkpoint in the folder.")
    var resume = false

    @Option(
        help: ArgumentHelp("Resume from a PyTorch program's training state.", valueName: "file.pth"),
        completion: .file())
    var resumeFrom: String?

    @OptionGroup var settings: SettingArguments

    @Flag(help: "Print all settings with their defaults.")
    var defaults = false

    @Flag(help: "Copy the CLIP into the detector's folder, which then works anywhere.")
    var selfContained = false

    @Flag(help: "Print the time and memory of each part of a step.")
    var profile = false

    @Option(help: "Train with this many processes on this machine; each has a share of every batch.")
    var processes: Int?

    @OptionGroup var device: DeviceArguments

    @OptionGroup var threads: ThreadArguments

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        if config == nil, !defaults { throw ValidationError("pass a configuration, a YAML file") }
        if resume, resumeFrom != nil {
            throw ValidationError(
                "--resume continues the run in the folder and --resume-from a file: pass one of them")
        }
        if let processes, !(1...1024).contains(processes) {
            throw ValidationError("--processes must be from 1 to 1024")
        }
    }

    /// Where this process meets the others; nil for one alone.
    private func meeting() throws -> ProcessGroup.Meeting? {
        let meeting = try ProcessGroup.Meeting()
        if let processes, let meeting, meeting.rank.count != processes {
            throw ValidationError(
                "--processes \(processes), but \(meeting.rank.origin) say that there are \(meeting.rank.count)"
            )
        }
        return meeting
    }

    /// The number of threads of one of several processes: those of the machine are shared, unless the user says a number.
    private func shareThreads() throws {
        let environment = ProcessInfo.processInfo.environment
        let names = ["LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"]
        let local = names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first ?? 1
        guard threads.count == 0, local > 1 else { return }
        try Runtime.setThreadCount(max(ProcessInfo.processInfo.activeProcessorCount / local, 1))
    }

    func run() throws {
        if defaults {
            try StandardOutput.print(
                TrainingConfiguration(defaultsWith: settings.values).yaml(withComments: true), terminator: "")
            return
        }
        guard let config else { return }
        let meeting = try meeting()
        if let processes, processes > 1, meeting == nil {
            let status = try LocalProcesses.run(processes, arguments: ProcessWords.arguments)
            if status != 0 { throw ExitCode(status) }
            return
        }
        // What all would say, one says.
        let isQuiet = (meeting?.rank.rank ?? 0) > 0
        try threads.apply()
        if meeting != nil { try shareThreads() }
        // Every step needs blocks of the same sizes as the one before.
        try Runtime.keepMemory(bytes: 2 << 30)
        let folder = output ?? "runs/" + Path.stem(config)
        var settled = try TrainingConfiguration(contentsOf: config, settings: settings.values)
        device.apply(to: &settled)
        // The record of the run that is resumed may be what it is resumed by.
        try OutputGuard(settled, file: resume ? nil : config, state: resumeFrom)
            .check(run: folder, copiesCLIP: selfContained)
        let state = try resumeFrom.map { try PyTorchTrainingState(contentsOf: $0) }
        let training = try TrainingRun(settled, folder: folder)
        if !isQuiet { for note in training.notes { StandardError.note("\(note)") } }
        let group = try meeting.map { meeting in
            if !isQuiet { StandardError.note(meeting.note) }
            return try ProcessGroup(meeting, limit: .seconds(settled.run.processLimit))
        }
        let stopRequest = StopRequest()
        let signals = StopSignals { stopRequest.make() }
        let display = ProgressDisplay()
        let stages = profile ? StageProfile(on: training.device) : nil
        var reportedStep: Int?
        func handle(_ event: TrainingEvent) {
            guard !isQuiet else { return }
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
                resumes: resume, from: state, clip: selfContained ? .copy : .reference, group: group,
                stopRequest: stopRequest, handle)
        }
        withExtendedLifetime(signals) {}
        guard !isQuiet else { return }
        try StandardOutput.print(
            summary.isComplete
                ? "\(folder)/model (a detector's folder), \(folder)/report.html"
                : "stopped at step \(summary.step); continue with --resume")
    }
}
