import ArgumentParser
import CLIP
import FVLM
import Foundation
import Imaging
import RegionDetection
import Support
import Torch

/// A search in an index of generated regions, written and read as `fvlm index` and `fvlm search` do it.
///
/// The aim is 150 ms for a million regions on two cores. Objectness, boxes and embeddings are random, so that nearly all regions
/// have low scores, as in real indexes.
struct SearchBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "A search in an index of generated regions: time, memory, size.")

    @Option(help: "The detector's folder.")
    var model = "Models/emoji-detector"

    @Option(help: "The number of regions, 100 a picture.")
    var regions = 1_000_000

    @Option(help: "The numbers of classes that are searched at once.")
    var classes = [1, 4]

    @Option(help: "The number of measurements of each.")
    var runs = 7

    @Option(help: "The index's folder, which is kept; a temporary one if not given.")
    var index: String?

    func run() async throws {
        let detector = try Detector.load(model)
        let folder =
            index ?? NSTemporaryDirectory() + "fvlm-search-\(ProcessInfo.processInfo.processIdentifier)"
        defer { if index == nil { try? FileManager.default.removeItem(atPath: folder) } }
        if FileStatus(folder) == nil { try write(detector, folder) }
        let clock = ContinuousClock()
        func milliseconds(_ body: () throws -> Void) rethrows -> String {
            formatted(seconds: try clock.measure(body) / .seconds(1))
        }
        var opened: RegionIndex?
        let opening = try milliseconds { opened = try RegionIndex(contentsOf: folder) }
        guard let opened else { return }
        print(
            "\(Runtime.threadCount) threads, \(opened.regionCount) regions of width \(opened.identity.width), "
                + "\(opened.embeddingBytes >> 20) MB of embeddings; opened in \(opening)")
        for count in classes {
            let names = (0..<count).map { "thing \($0)" }
            let vocabulary = try await detector.vocabulary(of: names.map { .init($0) }, templates: .single)
            var hits = 0
            let first = try milliseconds { hits = try opened.search(vocabulary, with: detector).count }
            let later = try Measurement(runs: runs) { _ = try opened.search(vocabulary, with: detector) }
            print(
                "  \(count) classes, \(hits) hits: first \(first), later \(formatted(seconds: later.median)) "
                    + "(\(formatted(seconds: later.range.lowerBound)) to \(formatted(seconds: later.range.upperBound)))"
            )
        }
        if let held = ProcessMemory.residentBytes, let peak = ProcessMemory.peakBytes {
            print("  \(held >> 20) MB held, the mapped files included, \(peak >> 20) MB at most")
        }
    }

    private func write(_ detector: Detector, _ folder: String) throws {
        let width = detector.clip.configuration.embeddingWidth
        let generator = try Generator(seed: 1)
        var writer = try RegionIndexWriter(folder: folder, detector: detector)
        let count = 100
        let clock = ContinuousClock()
        let time = try clock.measure {
            for picture in 0..<regions / count {
                func embeddings() throws -> Tensor {
                    try Tensor.randomNormal([count, width], generator: generator).normalized()
                }
                let boxes = (0..<count).map { place in
                    let (x, y) = (Double(place % 10) * 60, Double(place / 10) * 40)
                    return Box(x1: x, y1: y, x2: x + 90, y2: y + 70)
                }
                try writer.add(
                    "/generated/\(picture).jpg", sha256: "\(picture)",
                    size: ImageSize(width: 640, height: 480),
                    EncodedImages.Regions(
                        boxes: boxes, objectness: boxes.indices.map { Float($0) / 100 },
                        embeddings: embeddings(), vlmEmbeddings: embeddings()))
            }
            try writer.finish()
        }
        print("written in \(formatted(seconds: time / .seconds(1)))")
    }
}
