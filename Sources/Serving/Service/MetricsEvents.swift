import CoreMetrics
import Synchronization

/// Tells the metrics system of the program that a server runs in what the server counts, under the names of `/metrics`.
///
/// Where no system was bootstrapped, nothing comes of it.
final class MetricsEvents: Sendable {
    typealias Dimensions = [(String, String)]

    private struct Key: Hashable {
        let label: String
        let values: [String]

        init(_ label: String, _ dimensions: Dimensions) {
            self.label = label
            values = dimensions.map(\.1)
        }
    }

    private struct Made {
        var counters: [Key: Counter] = [:]
        var timers: [Key: CoreMetrics.Timer] = [:]
        var recorders: [Key: Recorder] = [:]
        var meters: [Key: Meter] = [:]
    }

    private let factory: any MetricsFactory
    private let made = Mutex(Made())

    init(_ factory: any MetricsFactory) { self.factory = factory }

    func count(_ label: String, _ dimensions: Dimensions = [], by amount: Int = 1) {
        one(\.counters, label, dimensions) {
            Counter(label: label, dimensions: dimensions, factory: factory)
        }.increment(by: amount)
    }

    func time(_ label: String, _ dimensions: Dimensions = [], seconds: Double) {
        one(\.timers, label, dimensions) {
            CoreMetrics.Timer(
                label: label, dimensions: dimensions, preferredDisplayUnit: .seconds, factory: factory)
        }.recordSeconds(seconds)
    }

    func record(_ label: String, _ value: Int) {
        one(\.recorders, label, []) { Recorder(label: label, factory: factory) }.record(value)
    }

    /// A level goes up or down by one.
    func step(_ label: String, isUp: Bool) {
        let meter = one(\.meters, label, []) { Meter(label: label, factory: factory) }
        // Neither takes an amount below 0.
        if isUp { meter.increment() } else { meter.decrement() }
    }

    /// The one object of a label and its dimensions, which is made once.
    private func one<Kind: Sendable>(
        _ kinds: WritableKeyPath<Made, [Key: Kind]> & Sendable, _ label: String, _ dimensions: Dimensions,
        _ make: () -> Kind
    ) -> Kind {
        let key = Key(label, dimensions)
        return made.withLock { made in
            if let known = made[keyPath: kinds][key] { return known }
            let new = make()
            made[keyPath: kinds][key] = new
            return new
        }
    }
}
