import Foundation
import Support

/// What was found.
final class CheckReport {
    private struct Entry: Encodable {
        let name: String
        let outcome: String
        var reason: String?
        let seconds: Double
        let figures: [String: Double]
    }

    private struct Document: Encodable {
        let device: String
        let libtorch: String
        let driver: String?
        let checks: [Entry]
    }

    private let device: String
    private let libtorch: String
    private let driver: String?
    private let budget: Double
    private let begin = ContinuousClock.now
    private var entries: [Entry] = []

    init(device: String, libtorch: String, driver: String?, budget: Double) {
        self.device = device
        self.libtorch = libtorch
        self.driver = driver
        self.budget = budget
    }

    /// Runs a check, unless the budget is spent.
    func run(_ name: String, _ body: () throws -> [String: Double]) {
        let start = ContinuousClock.now
        guard Self.seconds(start - begin) < budget else {
            entries.append(Entry(name: name, outcome: "left out", seconds: 0, figures: [:]))
            return
        }
        do {
            let figures = try body()
            add(name, "works", nil, start, figures)
        } catch { add(name, "FAILS", "\(error)", start, [:]) }
    }

    private func add(
        _ name: String, _ outcome: String, _ reason: String?, _ start: ContinuousClock.Instant,
        _ figures: [String: Double]
    ) {
        let seconds = Self.seconds(ContinuousClock.now - start)
        entries.append(
            Entry(name: name, outcome: outcome, reason: reason, seconds: seconds, figures: figures))
        let text = figures.sorted { $0.key < $1.key }.map { "\($0.key) \(Self.short($0.value))" }
        let details = [reason].compactMap { $0 } + text
        StandardError.write(
            "\(name): \(outcome)\(details.isEmpty ? "" : " (" + details.joined(separator: ", ") + ")")\n")
    }

    var hasFailed: Bool { entries.contains { $0.outcome == "FAILS" } }

    var summary: String {
        let counts = ["works", "FAILS", "left out"].map { outcome in
            "\(entries.count { $0.outcome == outcome }) \(outcome)"
        }
        return "\(device), libtorch \(libtorch): " + counts.joined(separator: ", ")
    }

    func json() throws -> String {
        let document = Document(device: device, libtorch: libtorch, driver: driver, checks: entries)
        return try JSONText.document(document, keepsNonFinite: true) + "\n"
    }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    private static func short(_ value: Double) -> String {
        value != 0 && abs(value) < 0.01 ? NumberText.significant(value, 2) : NumberText.decimals(value, 2)
    }
}
