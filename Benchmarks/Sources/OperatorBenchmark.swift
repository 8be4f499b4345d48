import ArgumentParser
import Torch

/// The cost of one operator call: `a + b` on four elements, against the same line in Python.
struct OperatorBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operators", abstract: "The cost of one operator call, against Python.")

    func run() throws {
        let a = try Tensor([1, 2, 3, 4] as [Float])
        let b = try Tensor([5, 6, 7, 8] as [Float])
        let count = 100_000
        let nothing = try Measurement(repetitions: count) {
            for _ in 0..<count { try Self.nothing(a, b) }
        }
        let sum = try Measurement(repetitions: count) {
            for _ in 0..<count { _ = try a + b }
        }
        let leaf = try a.clone().requiringGrad()
        let recorded = try Measurement(repetitions: count) {
            for _ in 0..<count { _ = try leaf + b }
        }
        print("a + b, 4 elements          \(formatted(seconds: sum.median))")
        print("  recorded for autograd    \(formatted(seconds: recorded.median))")
        print("  more than an empty loop  \(formatted(seconds: sum.median - nothing.median)) (at most 1 µs)")
        guard let peer = Peer(script: "operators.py").run(), let python = peer["sum"] as? Double else {
            return
        }
        print("  Python, torch \(peer["torch"] ?? "")    \(formatted(seconds: python))")
        print("  Python / Swift           \(rounded(python / sum.median)) (above 1: Swift is faster)")
    }

    @inline(never)
    private static func nothing(_ a: Tensor, _ b: Tensor) throws {}
}
