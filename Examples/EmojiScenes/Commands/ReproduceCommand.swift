import ArgumentParser
import Torch

/// The whole path from drawings to the table.
struct ReproduceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "Makes the committed models and their figures from nothing.",
        discussion: """
            Pretrains the small CLIP in the rounds that made Models/emoji-clip, renders the scenes, trains a detector \
            for every seed and tests it. Takes some hours; run again to go on after an interruption.

            Example: emoji-scenes reproduce --output runs/emoji
            """)

    @Option(help: "The folder that Tools/setup-emoji filled.") var glyphs = ".emoji"
    @Option(help: "The folder to write.") var output: String
    @Option(parsing: .upToNextOption, help: "A detector is trained for each.") var seeds: [UInt64] = [
        1, 2, 3,
    ]
    @Option(
        help:
            "The share of every training's steps that is run: with 0.01 the path takes minutes and learns little."
    )
    var share = 1.0
    @Option(help: "Threads of an operator.") var threads = 1

    mutating func validate() throws {
        guard share > 0, share <= 1 else { throw ValidationError("--share must be above 0 and at most 1") }
    }

    mutating func run() throws {
        try Runtime.setThreadCount(threads)
        func part(_ count: Int) -> Int { count == 0 ? 0 : max(Int((Double(count) * share).rounded()), 1) }
        var from: String?
        var clip = ""
        for (index, round) in PretrainingPlan.rounds.enumerated() {
            var plan = round
            plan.textSteps = part(plan.textSteps)
            (plan.imageSteps, plan.jointSteps) = (part(plan.imageSteps), part(plan.jointSteps))
            print("round \(index + 1) of \(PretrainingPlan.rounds.count)")
            var run = PretrainingRun(plan: plan, glyphs: glyphs, output: "\(output)/clip-\(index + 1)")
            run.from = from
            try run.train()
            (from, clip) = (run.checkpoint, run.modelFolder)
        }
        var benchmark = try BenchmarkCommand.parse(
            [
                "--clip", clip, "--glyphs", glyphs, "--output", "\(output)/benchmark", "--threads",
                "\(threads)",
            ]
                + ["--steps", "\(part(BenchmarkCommand.standardSteps))", "--seeds"] + seeds.map(String.init))
        if share < 1 {
            benchmark.train = part(benchmark.train)
            benchmark.test = part(benchmark.test)
            benchmark.ablations = part(benchmark.ablations)
        }
        try benchmark.run()
    }
}
