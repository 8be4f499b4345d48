import ArgumentParser

/// Measures what the project promises to be fast, as ratios against a peer or the machine's own peak in the same run.
@main
struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks",
        abstract: "Timings as ratios against a peer or the machine's peak, medians of several runs.",
        subcommands: [
            OperatorBenchmark.self, CLIPBenchmark.self, FilesBenchmark.self, DetectionBenchmark.self,
            DetectorBenchmark.self,
        ])
}
