import FVLM
import Foundation
import Support
import Synchronization
import Testing
import Torch

@testable import Training

@Suite struct ExampleLoaderTests {
    private struct Seen: Equatable {
        var ids: [Int64]
        var sums: [Float]
    }

    private func seen(_ loader: ExampleLoader, _ count: Int) throws -> Seen {
        var seen = Seen(ids: [], sums: [])
        for _ in 0..<count {
            for example in try loader.nextBatch() {
                seen.ids.append(example.imageID)
                seen.sums.append(contentsOf: try example.boxes.tensor.array(of: Float.self))
            }
        }
        return seen
    }

    private func options(_ workers: Int, prefetch: Int? = nil, views: Int? = nil) -> ExampleLoader.Options {
        .init(batchSize: 5, seed: 7, workerCount: workers, prefetchCount: prefetch, viewCount: views)
    }

    /// Slow examples on even rows make workers overtake each other.
    @Test func sameExamplesForAnyNumberOfWorkers() throws {
        let source = SquareSource(delay: 0.002)
        let expected = try seen(ExampleLoader(source, options: options(0)), 8)
        for (workers, prefetch) in [(1, 1), (2, 3), (4, 20), (7, 100)] {
            let loader = try ExampleLoader(source, options: options(workers, prefetch: prefetch))
            #expect(try seen(loader, 8) == expected)
        }
    }

    @Test func everyEpochHoldsEveryExampleOnceInAnotherOrder() throws {
        let ids = try seen(ExampleLoader(SquareSource(), options: options(2)), 12).ids
        let epochs = stride(from: 0, to: 60, by: 12).map { Array(ids[$0..<$0 + 12]) }
        #expect(epochs.allSatisfy { $0.sorted() == Array(0..<12) })
        #expect(Set(epochs).count == 5)
        var plain = options(0)
        plain.shuffles = false
        #expect(
            try seen(ExampleLoader(SquareSource(), options: plain), 3).ids.prefix(12) == Array(0..<12)[...])
    }

    @Test func goesOnInTheMiddleOfAnEpoch() throws {
        let whole = try seen(ExampleLoader(SquareSource(), options: options(0)), 6)
        let first = try ExampleLoader(SquareSource(), options: options(3))
        _ = try seen(first, 3)
        #expect(first.position == LoaderPosition(epoch: 1, index: 3))
        let second = try ExampleLoader(SquareSource(), options: options(2), position: first.position)
        #expect(try seen(second, 3).ids == Array(whole.ids[15...]))
    }

    @Test func fixedViewsComeBack() throws {
        func boxes(_ epoch: Int, _ views: Int?) throws -> [Int64: [Float]] {
            var options = options(0, views: views)
            options.batchSize = 12
            let loader = try ExampleLoader(
                SquareSource(), options: options, position: LoaderPosition(epoch: epoch))
            return Dictionary(
                uniqueKeysWithValues: try loader.nextBatch().map {
                    ($0.imageID, try $0.boxes.tensor.array(of: Float.self))
                })
        }
        #expect(try boxes(0, 2) == boxes(2, 2) && boxes(1, 2) == boxes(3, 2))
        #expect(try boxes(0, 2) != boxes(1, 2))
        #expect(try boxes(0, nil) != boxes(2, nil))
    }

    private struct Failing: ExampleSource {
        let count = 6
        let fingerprint = "failing"

        func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample {
            if row == 3 { throw TrainingError("image 3", "is broken") }
            return try SquareSource().example(at: row, view: view, random: &random)
        }
    }

    @Test func aBrokenExampleIsAnErrorWhereItIsDue() throws {
        for workers in [0, 2] {
            let loader = try ExampleLoader(
                Failing(), options: .init(batchSize: 1, shuffles: false, workerCount: workers))
            for _ in 0..<3 { _ = try loader.nextBatch() }
            for _ in 0..<2 { #expect(message { _ = try loader.nextBatch() } == "image 3: is broken") }
            #expect(loader.position.index == 3)
        }
    }

    private final class Counter: Sendable {
        let made = Atomic<Int>(0)
    }

    private struct Counting: ExampleSource {
        let count = 1000
        let fingerprint = "counting"
        let counter: Counter

        func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample {
            counter.made.add(1, ordering: .relaxed)
            return try SquareSource().example(at: row, view: view, random: &random)
        }
    }

    @Test func workersStayWithinTheirBoundAndEnd() throws {
        let counter = Counter()
        var loader: ExampleLoader? = try ExampleLoader(
            Counting(counter: counter), options: .init(batchSize: 2, workerCount: 3, prefetchCount: 6))
        _ = try loader?.nextBatch()
        // Long enough for idle threads to run far ahead if they could.
        Thread.sleep(forTimeInterval: 0.2)
        #expect((2...8).contains(counter.made.load(ordering: .relaxed)))
        loader = nil
        Thread.sleep(forTimeInterval: 0.05)
        let after = counter.made.load(ordering: .relaxed)
        Thread.sleep(forTimeInterval: 0.1)
        #expect(counter.made.load(ordering: .relaxed) == after)
    }

    @Test func settingsOutOfRangeAreRefused() {
        #expect(
            message { _ = try ExampleLoader(SquareSource(count: 0)) }.contains("no examples"))
        #expect(
            message { _ = try ExampleLoader(SquareSource(), options: .init(batchSize: 0)) }.contains(
                "must be positive"))
        #expect(
            message { _ = try ExampleLoader(SquareSource(), position: .init(epoch: 0, index: 12)) }
                .contains("position 12"))
    }
}
