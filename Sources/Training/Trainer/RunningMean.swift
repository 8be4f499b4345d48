/// A mean over as many values as were added, however many that are.
struct RunningMean: Sendable, Hashable {
    private(set) var sum = 0.0
    private(set) var count = 0.0

    /// Adds a value that stands for `weight` single ones.
    mutating func add(_ value: Double, weight: Double = 1) {
        sum += value * weight
        count += weight
    }

    /// The mean; 0 when nothing was added.
    var value: Double { count > 0 ? sum / count : 0 }
}
