import CFuzzer
import Foundation
import Support
import WeightFiles

/// A parser that receives arbitrary bytes.
///
/// To add one, add a line to ``all`` and a folder of small examples to `Fuzz/Corpus`. The parser may throw; it must not
/// crash, hang, or use more memory than four times the input plus ``constant``.
struct FuzzTarget: Sendable {
    /// The target that this process runs.
    nonisolated(unsafe) static var current: FuzzTarget?

    /// The memory allowed on top of four times the input's size.
    var constant = 1 << 20

    /// Parses the input.
    let parse: @Sendable (UnsafeRawBufferPointer) throws -> Void

    static let all = weights.merging(COCOTargets.all) { first, _ in first }
        .merging(FormatTargets.all) { first, _ in first }

    private static let weights: [String: FuzzTarget] = [
        "flax": FuzzTarget(constant: 17 << 20) {
            try WeightTargets.use(FlaxCheckpoint(storage: TensorStorage(copying: $0), origin: "input"))
        },
        "json": FuzzTarget { _ = try JSONValue(parsing: $0) },
        "safetensors": FuzzTarget {
            try WeightTargets.use(Safetensors(storage: TensorStorage(copying: $0), origin: "input"))
        },
        "numpy": FuzzTarget {
            try WeightTargets.read(NumpyArray.read(storage: TensorStorage(copying: $0), origin: "input"))
        },
        "pickle": FuzzTarget(constant: 17 << 20) {
            try WeightTargets.use(NumpyPickle(storage: TensorStorage(copying: $0), origin: "input"))
        },
        "torch": FuzzTarget(constant: 18 << 20, parse: WeightTargets.torch),
        "torch-legacy": FuzzTarget(constant: 17 << 20) {
            try WeightTargets.use(PyTorchArchive(storage: TensorStorage(copying: $0), origin: "input"))
        },
        "zip": FuzzTarget(constant: 17 << 20, parse: WeightTargets.zip),
    ]

    /// Parses `input` and ends the process if that takes too much memory.
    func run(_ input: UnsafeRawBufferPointer) {
        allocation_meter_start()
        try? parse(input)
        let most = allocation_meter_stop()
        guard most <= Int64(4 * input.count + constant) else {
            fatalError("\(most) bytes of memory for an input of \(input.count)")
        }
    }
}
