import ArgumentParser
import Torch

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

    /// Runs a benchmark with the memory of large tensors kept, as the program does.
    static func main() async {
        do { try Runtime.keepMemory() } catch { exit(withError: error) }
        await main(nil)
    }
}
