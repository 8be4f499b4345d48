import ArgumentParser
import Torch

/// Measures the operations that should be fast, as ratios against a peer or against the machine's own peak in the same
/// run.
@main
struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks",
        abstract: "Timings as ratios against a peer or the machine's peak, medians of several runs.",
        subcommands: [
            OperatorBenchmark.self, CLIPBenchmark.self, FilesBenchmark.self, DetectionBenchmark.self,
            DetectorBenchmark.self, TrunkBenchmark.self, SearchBenchmark.self, EncodedBenchmark.self,
        ])

    /// Runs a benchmark while keeping the memory of large tensors, as the program does.
    static func main() async {
        do { try Runtime.keepMemory() } catch { exit(withError: error) }
        await main(nil)
    }
}
