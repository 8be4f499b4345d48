import CoreMetrics
import Support
import Synchronization

/// What a server counts, in the text form that Prometheus reads; events are told to the program's own metrics system, too.
final class ServerMetrics: Sendable {
    private struct Answered: Hashable {
        let route: String
        let status: Int
    }

    private struct Histogram {
        let bounds: [Double]
        var counts: [Int]
        var sum = 0.0
        var count = 0

        init(_ bounds: [Double]) {
            self.bounds = bounds
            counts = Array(repeating: 0, count: bounds.count)
        }

        mutating func add(_ value: Double) {
            for (place, bound) in bounds.enumerated() where value <= bound { counts[place] += 1 }
            sum += value
            count += 1
        }

        func write(_ name: String, _ labels: String = "", to text: inout String) {
            let separator = labels.isEmpty ? "" : ","
            for (bound, value) in zip(bounds, counts) {
                text += "\(name)_bucket{\(labels)\(separator)le=\"\(NumberText.shortest(bound))\"} \(value)\n"
            }
            text += "\(name)_bucket{\(labels)\(separator)le=\"+Inf\"} \(count)\n"
            let braces = labels.isEmpty ? "" : "{\(labels)}"
            text += "\(name)_sum\(braces) \(NumberText.shortest(sum))\n\(name)_count\(braces) \(count)\n"
        }
    }

    private struct State {
        var answered: [Answered: Int] = [:]
        var seconds: [String: Histogram] = [:]
        var stages: [String: Double] = [:]
        var batches = Histogram([1, 2, 4, 8, 16, 32, 64])
        var refusals: [RequestFault.Refusal: Int] = [:]
        var pictures = 0
        var objects = 0
        var open = 0
        var vocabularyHits = 0
        var vocabularyMisses = 0
        /// A running mean of the seconds of the network for a picture.
        var pictureSeconds = 0.0
    }

    private static let secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
    private let state = Mutex(State())
    private let events: MetricsEvents

    /// - Parameter factory: Where events are told.
    init(_ factory: any MetricsFactory = MetricsSystem.factory) { events = MetricsEvents(factory) }

    func begin() {
        state.withLock { $0.open += 1 }
        events.step("fvlm_open_requests", isUp: true)
    }

    func end(route: String, status: Int, seconds: Double) {
        state.withLock {
            $0.open -= 1
            $0.answered[Answered(route: route, status: status), default: 0] += 1
            $0.seconds[route, default: Histogram(Self.secondsBounds)].add(seconds)
        }
        events.step("fvlm_open_requests", isUp: false)
        events.count("fvlm_requests_total", [("route", route), ("status", "\(status)")])
        events.time("fvlm_request_seconds", [("route", route)], seconds: seconds)
    }

    func refuse(_ refusal: RequestFault.Refusal) {
        state.withLock { $0.refusals[refusal, default: 0] += 1 }
        events.count("fvlm_refusals_total", [("reason", refusal.rawValue)])
    }

    func add(stage: String, seconds: Double) {
        state.withLock { $0.stages[stage, default: 0] += seconds }
        events.time("fvlm_stage_seconds", [("stage", stage)], seconds: seconds)
    }

    func addBatch(of count: Int, seconds: Double) {
        state.withLock {
            $0.batches.add(Double(count))
            $0.pictures += count
            let each = seconds / Double(max(count, 1))
            $0.pictureSeconds = $0.pictureSeconds == 0 ? each : $0.pictureSeconds * 0.9 + each * 0.1
        }
        events.record("fvlm_batch_pictures", count)
        events.count("fvlm_pictures_total", by: count)
    }

    func addObjects(_ count: Int) {
        state.withLock { $0.objects += count }
        events.count("fvlm_objects_total", by: count)
    }

    func addVocabulary(isKnown: Bool) {
        state.withLock { if isKnown { $0.vocabularyHits += 1 } else { $0.vocabularyMisses += 1 } }
        events.count("fvlm_vocabulary_total", [("known", isKnown ? "yes" : "no")])
    }

    /// The seconds that the network takes for a picture, of late; 0 before the first.
    var pictureSeconds: Double { state.withLock { $0.pictureSeconds } }

    /// The text of `/metrics`.
    func text(waiting: Int, queueLimit: Int, isReady: Bool, encoded: Int, vocabularies: Int) -> String {
        let state = state.withLock { $0 }
        var text = ""
        func head(_ name: String, _ kind: String, _ help: String) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
        }
        func value(_ name: String, _ kind: String, _ help: String, _ value: Double) {
            head(name, kind, help)
            text += "\(name) \(NumberText.shortest(value))\n"
        }
        head("fvlm_requests_total", "counter", "Requests answered, by route and status.")
        for (key, count) in state.answered.sorted(by: {
            ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status)
        }) {
            text += "fvlm_requests_total{route=\"\(key.route)\",status=\"\(key.status)\"} \(count)\n"
        }
        head("fvlm_request_seconds", "histogram", "Seconds from the head of a request to its answer.")
        for (route, histogram) in state.seconds.sorted(by: { $0.key < $1.key }) {
            histogram.write("fvlm_request_seconds", "route=\"\(route)\"", to: &text)
        }
        head("fvlm_stage_seconds_total", "counter", "Seconds by stage of the work.")
        for (stage, seconds) in state.stages.sorted(by: { $0.key < $1.key }) {
            text += "fvlm_stage_seconds_total{stage=\"\(stage)\"} \(NumberText.shortest(seconds))\n"
        }
        head("fvlm_batch_pictures", "histogram", "Pictures that the network looked at together.")
        state.batches.write("fvlm_batch_pictures", to: &text)
        head("fvlm_refusals_total", "counter", "Requests refused, by reason.")
        for refusal in RequestFault.Refusal.allCases {
            text += "fvlm_refusals_total{reason=\"\(refusal.rawValue)\"} \(state.refusals[refusal] ?? 0)\n"
        }
        value("fvlm_pictures_total", "counter", "Pictures looked at.", Double(state.pictures))
        value("fvlm_objects_total", "counter", "Objects found.", Double(state.objects))
        head("fvlm_vocabulary_total", "counter", "Lists of words, by whether they were encoded before.")
        text += "fvlm_vocabulary_total{known=\"yes\"} \(state.vocabularyHits)\n"
        text += "fvlm_vocabulary_total{known=\"no\"} \(state.vocabularyMisses)\n"
        value("fvlm_open_requests", "gauge", "Requests being read or answered.", Double(state.open))
        value("fvlm_queue_pictures", "gauge", "Pictures decoded, waiting or looked at.", Double(waiting))
        value("fvlm_queue_limit", "gauge", "The most of them.", Double(queueLimit))
        value("fvlm_encoded_pictures", "gauge", "Pictures kept encoded.", Double(encoded))
        value("fvlm_vocabularies", "gauge", "Vocabularies kept.", Double(vocabularies))
        value("fvlm_ready", "gauge", "1 when the model is loaded and warm.", isReady ? 1 : 0)
        if let bytes = ProcessMemory.residentBytes {
            value("process_resident_memory_bytes", "gauge", "Main memory of the process.", Double(bytes))
        }
        return text
    }
}
