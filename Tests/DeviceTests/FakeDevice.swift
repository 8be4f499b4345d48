import CFakeDevice
import Foundation
import Testing
import Torch

/// libtorch's `PrivateUse1` as a stand-in for a GPU: operators run on the processor, in memory that the program cannot read
/// and under CUDA's rules.
enum FakeDevice {
    /// The device.
    static let device: Device = {
        fake_device_prepare()
        return Device(.registered, index: 0)
    }()

    /// Makes the device ready where a test names it only by a setting.
    static func prepare() { _ = device }

    /// Runs `body` on a device without `float64`, such as Apple's.
    static func withoutDoubles<Result>(_ body: () throws -> Result) rethrows -> Result {
        _ = device
        fake_device_refuse_doubles(true)
        defer { fake_device_refuse_doubles(false) }
        return try body()
    }

    /// What was counted while `body` ran.
    struct Counts {
        var operators = 0
        var copiesToHost = 0
        var copiesToDevice = 0
        var pinnedCopies = 0
        /// Copies to the device beside what is computed there.
        var sideCopies = 0
        /// Operators that take whole lists of tensors.
        var listOperators = 0
        /// Releases of memory that another stream might still read.
        var earlyReleases = 0
        /// Whatever makes a program wait for a GPU.
        var waits = 0
        /// What was waited for.
        var reasons = ""
    }

    /// Runs `body` and counts; other work on the device must not run beside it.
    static func counting<Result>(_ body: () throws -> Result) rethrows -> (result: Result, counts: Counts) {
        _ = device
        fake_device_reset()
        let result = try body()
        return (result, counts)
    }

    /// What was counted since the beginning of ``counting(_:)``, by all threads.
    static var counts: Counts {
        let counts = fake_device_count()
        let text = fake_device_waits()
        defer { free(text) }
        return Counts(
            operators: Int(counts.operators), copiesToHost: Int(counts.copies_to_host),
            copiesToDevice: Int(counts.copies_to_device), pinnedCopies: Int(counts.pinned_copies),
            sideCopies: Int(counts.side_copies), listOperators: Int(counts.list_operators),
            earlyReleases: Int(counts.early_releases), waits: Int(counts.waits),
            reasons: text.map { String(cString: $0) } ?? "")
    }
}

/// Everything that uses the fake device, one test after another: its counters are the process's.
@Suite(.serialized) enum OnDevice {}

extension Tensor {
    /// Whether all elements are close to those of another tensor of the same shape, wherever both are.
    func isNear(_ other: Tensor, relative: Double = 1e-4, absolute: Double = 1e-5) throws -> Bool {
        guard shape == other.shape else { return false }
        let (mine, theirs) = try (to(device: .cpu).to(.float32), other.to(device: .cpu).to(.float32))
        return try mine.isClose(to: theirs, relative: relative, absolute: absolute).all().item() != 0
    }
}
