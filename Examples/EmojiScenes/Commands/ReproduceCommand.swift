import ArgumentParser
import Torch

/// Runs everything from drawings to tables.
struct ReproduceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "Reproduces the committed models and their figures from scratch.",
        discussion: """
            Pretrains the small CLIP in the rounds that made Models/emoji-clip, renders the scenes, trains a detector \
            for every seed and tests it. Takes several hours; run again to resume after an interruption.

            Example: emoji-scenes reproduce --output runs/emoji
            """)

    @Option(help: "The folder of drawings from Tools/setup-emoji.") var glyphs = ".emoji"
    @Option(help: "The folder to write.") var output: String
    @Option(parsing: .upToNextOption, help: "The seeds; one detector is trained per seed.") var seeds:
        [UInt64] = [
            1, 2, 3,
        ]
    @Option(
        help:
            "The share of every training's steps to run: 0.01 takes minutes and learns little."
    )
    var share = 1.0
    @Option(help: "Threads per operator.") var threads = 1

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
