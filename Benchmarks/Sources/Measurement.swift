/// The times of several runs of the same work.
struct Measurement {
    /// The median time in seconds.
    let median: Double

    /// The shortest and the longest time in seconds.
    let range: ClosedRange<Double>

    /// Times `body`, which repeats the work `repetitions` times per call; times are per repetition.
    /// - Parameter runs: The number of measured runs, which follow one that is not measured.
    init(runs: Int = 9, repetitions: Int = 1, _ body: () throws -> Void) rethrows {
        let clock = ContinuousClock()
        try body()
        var times: [Double] = []
        for _ in 0..<runs {
            let elapsed = try clock.measure { try body() }.components
            times.append(
                (Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18) / Double(repetitions))
        }
        times.sort()
        median = times[times.count / 2]
        range = times[0]...times[times.count - 1]
    }
}

/// A time in a suitable unit.
func formatted(seconds: Double) -> String {
    switch seconds {
    case ..<1e-6: "\(rounded(seconds * 1e9)) ns"
    case ..<1e-3: "\(rounded(seconds * 1e6)) µs"
    case ..<1: "\(rounded(seconds * 1e3)) ms"
    default: "\(rounded(seconds)) s"
    }
}

/// A timing has no more than three significant digits.
func rounded(_ number: Double) -> String {
    guard number.isFinite, number != 0 else { return "\(number)" }
    var digits = 2
    var size = number.magnitude
    while size >= 10 && digits > 0 {
        size /= 10
        digits -= 1
    }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let value = (number * scale).rounded() / scale
    return digits == 0 ? "\(Int(value))" : "\(value)"
}
