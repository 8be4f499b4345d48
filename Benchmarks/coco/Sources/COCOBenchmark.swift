import Analysis
import COCO
import Dispatch
import Foundation

/// Times the COCO module on generated files; `Benchmarks/coco/run` compares it with other implementations.
///
///     coco-benchmark generate DIR       writes gt.json, dt.json
///     coco-benchmark generate-large DIR writes train.json
///     coco-benchmark score DIR          seconds for both files read and scored, JSON
///     coco-benchmark analyze DIR        seconds for TIDE's errors and the confusion matrix, JSON
///     coco-benchmark read FILE          seconds and peak memory of reading an annotation file, JSON
@main
struct COCOBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else {
            print("usage: coco-benchmark generate|generate-large|score|analyze|read PATH")
            exit(64)
        }
        let path = arguments[2]
        switch arguments[1] {
        case "generate":
            var generator = ProblemGenerator(seed: 1)
            let (truth, detections) = try generator.problem(images: 5000)
            try truth.write(to: path + "/gt.json")
            try detections.write(to: path + "/dt.json")
            print(
                "\(truth.images.count) images, \(truth.annotations.count) objects, \(detections.count) detections"
            )
        case "generate-large":
            var generator = ProblemGenerator(seed: 2)
            try generator.largeDataset().write(to: path + "/train.json")
        case "score": try score(path)
        case "analyze": try analyze(path)
        case "read": try read(path)
        default: exit(64)
        }
    }

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        return try clock.measure(body) / .seconds(1)
    }

    /// Overlaps, errors and confusions of both files, each the best of five.
    private static func analyze(_ folder: String) throws {
        let truth = try Dataset(contentsOf: folder + "/gt.json")
        let detections = try DetectionTable(contentsOf: folder + "/dt.json")
        for geometry in EvaluationOptions.Geometry.allCases {
            var (errors, confusion, both, whole) = (
                Double.infinity, Double.infinity, Double.infinity, Double.infinity
            )
            var figures: [Double] = []
            for _ in 0..<5 {
                // Each with its own overlaps, as the peers compute them.
                errors = min(
                    errors,
                    try seconds {
                        let overlaps = try Overlaps(
                            truth: truth, detections: detections, geometry: geometry)
                        let result = try ErrorAnalysis(overlaps).figures(averaging: .detectedClasses)
                        figures = ErrorAnalysis.Kind.allCases.map { result.costs[$0] ?? 0 }
                    })
                confusion = min(
                    confusion,
                    try seconds {
                        let overlaps = try Overlaps(
                            truth: truth, detections: detections, geometry: geometry)
                        _ = try ConfusionMatrix(overlaps)
                    })
                // As fvlm analyze asks: both of one set of overlaps.
                both = min(
                    both,
                    try seconds {
                        let overlaps = try Overlaps(
                            truth: truth, detections: detections, geometry: geometry)
                        _ = try ErrorAnalysis(overlaps).figures(averaging: .detectedClasses)
                        _ = try ConfusionMatrix(overlaps)
                    })
                // Libraries differ in what they group while they read.
                whole = min(
                    whole,
                    try seconds {
                        let overlaps = try Overlaps(
                            truth: try Dataset(contentsOf: folder + "/gt.json"),
                            detections: try DetectionTable(contentsOf: folder + "/dt.json"),
                            geometry: geometry)
                        _ = try ConfusionMatrix(overlaps)
                    })
            }
            for (what, value) in [
                ("errors", errors), ("confusion", confusion), ("both", both),
                ("confusion, files read", whole),
            ] {
                print(
                    "{\"name\": \"swift-fvlm\", \"type\": \"\(geometry.rawValue) \(what)\", \"seconds\": \(value), "
                        + "\"stats\": \(what == "errors" ? figures : [])}")
            }
        }
    }

    /// Reads both files at once and scores them, best of five.
    private static func score(_ folder: String) throws {
        for geometry in EvaluationOptions.Geometry.allCases {
            var options = EvaluationOptions.coco(geometry)
            // The peers have these faults, and the compared figures must mean the same.
            options.pycocotoolsCompatible = true
            var best = Double.infinity
            var parts = (reading: 0.0, scoring: 0.0)
            var figures: [Double] = []
            for _ in 0..<5 {
                nonisolated(unsafe) var truth = Dataset()
                nonisolated(unsafe) var detections = DetectionTable()
                let reading = seconds {
                    DispatchQueue.concurrentPerform(iterations: 2) { index in
                        do {
                            if index == 0 {
                                detections = try DetectionTable(contentsOf: folder + "/dt.json")
                            } else {
                                truth = try Dataset(contentsOf: folder + "/gt.json")
                            }
                        } catch {
                            print("\(error)")
                            exit(1)
                        }
                    }
                }
                let scoring = try seconds {
                    let evaluation = try Evaluation(
                        truth: truth, detections: detections, options: options)
                    figures = evaluation.figures().map(\.value)
                }
                if reading + scoring < best { (best, parts) = (reading + scoring, (reading, scoring)) }
            }
            print(
                "{\"name\": \"swift-fvlm\", \"type\": \"\(geometry.rawValue)\", \"seconds\": \(best), "
                    + "\"reading\": \(parts.reading), \"scoring\": \(parts.scoring), \"stats\": \(figures)}")
        }
    }

    private static func read(_ path: String) throws {
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        var count = 0
        let seconds = try seconds { count = try Dataset(contentsOf: path).annotations.count }
        var usage = rusage()
        #if canImport(Darwin)
            getrusage(RUSAGE_SELF, &usage)
            let peak = usage.ru_maxrss
        #else
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            let peak = usage.ru_maxrss * 1024
        #endif
        // On a busy machine, processor time says more than wall-clock time.
        func duration(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        let processor = duration(usage.ru_utime) + duration(usage.ru_stime)
        print(
            "{\"annotations\": \(count), \"seconds\": \(seconds), \"processor_seconds\": \(processor), "
                + "\"megabytes_per_second\": \(Double(size) / seconds / 1e6), "
                + "\"memory_of_file_size\": \(Double(peak) / Double(size))}")
    }
}
