import ArgumentParser
import FVLMCommand
import Foundation
import Support
import Torch
import Training

/// `fvlm cache`
struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .cache,
        discussion: """
            Example:
              fvlm cache coco.yaml --views 4 --output features
              fvlm train coco.yaml --set data.views=4 --set data.cache=features

            Takes the configuration of the training, whose data, input size, variations and seed determine the CLIP's \
            input. Each picture is used in --views variations, in turn. A training rejects a cache made with other \
            settings; an interrupted cache is resumed by the same command. Ctrl-C, and the signals TERM and HUP, end the \
            work after the view that it is at, with what was made on the disk.
            """)

    @Argument(help: "The training's configuration, a YAML file.", completion: .file())
    var config: String

    @Option(help: "Variations of each picture; by default data.views of the configuration.")
    var views: Int?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The cache's folder.", valueName: "folder"),
        completion: .directory)
    var output: String

    @Option(help: "The element type of the stored features: bfloat16, or float32 for twice the size.")
    var precision: Precision = .bfloat16

    @OptionGroup var settings: SettingArguments

    @OptionGroup var device: DeviceArguments

    @OptionGroup var threads: ThreadArguments

    @OptionGroup var messages: MessageArguments

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if let views, views < 1 { throw ValidationError("--views must be at least 1") }
    }

    private struct Output: Encodable {
        let views: Int
        let made: Int
        let bytes: Int
        let computing_seconds: Double
        let reading_seconds: Double
        let saved_seconds_a_step: Double
    }

    func run() throws {
        try threads.apply()
        // The cache to be created cannot be read yet.
        let more = ["data.cache=null"] + (views.map { ["data.views=\($0)"] } ?? [])
        var configuration = try TrainingConfiguration(contentsOf: config, settings: settings.values + more)
        device.apply(to: &configuration)
        try OutputGuard(configuration, file: config).check(output)
        guard let viewCount = configuration.data.views else {
            throw ValidationError("specify the number of variations of each picture: --views 1")
        }
        let bar = ProgressBar("views")
        let run = try TrainingRun(configuration, folder: output)
        let stopRequest = StopRequest()
        let signals = StopSignals { stopRequest.make() }
        let report = try run.cacheFeatures(
            to: output, dtype: precision.dtype, stopRequest: stopRequest
        ) { bar.update($0, of: $1) }
        withExtendedLifetime(signals) {}
        bar.finish()
        guard report.missingCount == 0 else {
            StandardError.note(
                "interrupted: \(output) has \(report.viewCount) views, \(report.missingCount) are missing; the same command goes on"
            )
            throw ExitCode.failure
        }
        let images = configuration.data.batchSize * configuration.run.accumulation
        let saved = max(report.computingSeconds - report.readingSeconds, 0) * Double(images)
        if json {
            try StandardOutput.print(
                JSONText.line(
                    Output(
                        views: report.viewCount, made: report.madeCount, bytes: report.byteCount,
                        computing_seconds: report.computingSeconds,
                        reading_seconds: report.readingSeconds,
                        saved_seconds_a_step: report.madeCount == 0 ? 0 : saved)))
            return
        }
        let megabytes = Double(report.byteCount) / 1e6
        var lines = [
            String(
                format: "%@: %d views, %.1f MB (%.2f MB per view)", output, report.viewCount, megabytes,
                megabytes / Double(max(report.viewCount, 1)))
        ]
        if report.madeCount > 0 {
            lines.append(
                String(
                    format:
                        "made %d: %.1f ms per view, pictures read ahead; reading %.1f ms; saves %.0f ms per step of %d pictures",
                    report.madeCount, report.computingSeconds * 1000, report.readingSeconds * 1000,
                    saved * 1000, images))
        }
        lines.append(
            "train with --set data.cache=\(output) --set data.views=\(viewCount)")
        try StandardOutput.print(lines.joined(separator: "\n"))
    }
}
