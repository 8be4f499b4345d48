import Foundation
import WeightFiles

/// How far a result may be from the recorded value.
package struct Tolerance: Sendable {
    package var abs: Double
    package var rel: Double

    /// The fraction of elements that may differ, for integer tensors that say so.
    package var mismatch: Double

    package init(abs: Double, rel: Double, mismatch: Double = 0) {
        self.abs = abs
        self.rel = rel
        self.mismatch = mismatch
    }
}

extension FixtureCase {
    /// The tolerance of a tensor: its own where it has one, else the case's.
    package func tolerance(_ key: String? = nil) throws -> Tolerance {
        let general = try json["tolerance"]
        let entry = key.flatMap { json.optional("tensors")?.optional($0) }
        let own = entry?.optional("tolerance") ?? entry
        let tolerance = Tolerance(
            abs: try (own?.optional("abs") ?? general["abs"]).double,
            rel: try (own?.optional("rel") ?? general["rel"]).double,
            mismatch: try (own?.optional("mismatch") ?? .real(0)).double)
        guard Self.isOnAnotherDevice else { return tolerance }
        return Tolerance(
            abs: max(tolerance.abs, 2e-4), rel: max(tolerance.rel, 2e-3),
            mismatch: max(tolerance.mismatch, 1e-3))
    }

    /// Whether `FVLM_TEST_DEVICE` names another device than the processor, which sums in other orders than the recorded
    /// results.
    private static let isOnAnotherDevice =
        (ProcessInfo.processInfo.environment["FVLM_TEST_DEVICE"] ?? "cpu") != "cpu"

    /// Compares a result with the tensor `key`.
    ///
    /// - Returns: nil when all is within the tolerance; else what differs, where, and by how much.
    package func difference(_ key: String, _ got: [Float], shape: [Int]) throws -> String? {
        let want = try tensor(key)
        guard want.shape == shape else { return "\(name) \(key): shape \(shape), recorded \(want.shape)" }
        return Comparison.difference(
            "\(name) \(key)", got.map { Double($0) }, want.doubles(), shape: shape, try tolerance(key))
    }

    /// Compares whole numbers; exactly, but for the `mismatch` that the tensor allows.
    package func difference(_ key: String, _ got: [Int64], shape: [Int]) throws -> String? {
        let want = try tensor(key)
        guard want.shape == shape else { return "\(name) \(key): shape \(shape), recorded \(want.shape)" }
        return Comparison.difference(
            "\(name) \(key)", got, try want.integers(), shape: shape, mismatch: try tolerance(key).mismatch)
    }

    /// Compares bytes, as ``difference(_:_:shape:)-(_,[Int64],_)``.
    package func difference(_ key: String, _ got: [UInt8], shape: [Int]) throws -> String? {
        try difference(key, got.map { Int64($0) }, shape: shape)
    }
}

/// The comparison rule of the fixtures.
package enum Comparison {
    /// `|got - want| <= abs + rel * |want|`, element by element; NaN equals NaN, infinities their like.
    package static func difference(
        _ label: String, _ got: [Double], _ want: [Double], shape: [Int], _ tolerance: Tolerance
    ) -> String? {
        guard got.count == want.count else {
            return "\(label): \(got.count) elements, recorded \(want.count)"
        }
        var wrong = 0
        var first = -1
        var worst = -1
        var excess = -Double.infinity
        for index in got.indices {
            let (a, b) = (got[index], want[index])
            if a == b || (a.isNaN && b.isNaN) { continue }
            let over = Swift.abs(a - b) - (tolerance.abs + tolerance.rel * Swift.abs(b))
            if over <= 0 { continue }
            wrong += 1
            if first < 0 { first = index }
            if worst < 0 || over > excess || over.isNaN { (worst, excess) = (index, over) }
        }
        guard Double(wrong) > tolerance.mismatch * Double(got.count) else { return nil }
        return "\(label): \(wrong) of \(got.count) elements differ by more than \(tolerance.abs) + "
            + "\(tolerance.rel) x |recorded|; first at \(position(first, shape)): \(got[first]), recorded "
            + "\(want[first]); worst at \(position(worst, shape)): \(got[worst]), recorded \(want[worst])"
    }

    /// Equality of whole numbers but for a fraction `mismatch` of them.
    package static func difference(
        _ label: String, _ got: [Int64], _ want: [Int64], shape: [Int], mismatch: Double = 0
    ) -> String? {
        guard got.count == want.count else {
            return "\(label): \(got.count) elements, recorded \(want.count)"
        }
        let wrong = got.indices.filter { got[$0] != want[$0] }
        guard let first = wrong.first, Double(wrong.count) > mismatch * Double(got.count) else { return nil }
        return
            "\(label): \(wrong.count) of \(got.count) integers differ, allowed fraction \(mismatch); first "
            + "at \(position(first, shape)): \(got[first]), recorded \(want[first])"
    }

    /// The index of an element in every dimension.
    static func position(_ index: Int, _ shape: [Int]) -> [Int] {
        var rest = index
        var result = [Int](repeating: 0, count: shape.count)
        for dimension in shape.indices.reversed() where shape[dimension] > 0 {
            result[dimension] = rest % shape[dimension]
            rest /= shape[dimension]
        }
        return result
    }
}
