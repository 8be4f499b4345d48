import CLIP
import RegionDetection
import Torch
import WeightFiles

/// A checkpoint of the published F-VLM (such as `checkpoint_184000`), with this project's names and layouts.
///
/// Box outputs keep the published order of coordinates, y before x; ``load(into:)`` swaps it.
public struct PublishedCheckpoint: WeightSource {
    /// The licenses of the published files, which are kept with what is made of them.
    public static let license =
        "Apache-2.0, https://github.com/google-research/google-research/tree/master/fvlm; its CLIP: MIT, "
        + "https://github.com/openai/CLIP"

    /// The path of the file.
    public let origin: String

    /// The names of all parameters, in the file's order; CLIP's have the prefix `visual.`.
    public let keys: [String]

    /// The training step of the checkpoint; nil if the file does not state it.
    public let step: Int?

    private let file: FlaxCheckpoint
    private let places: [String: (path: String, layout: PublishedName.Layout)]

    /// Opens and validates a file.
    /// - Throws: `WeightFileError` if it is not a Flax checkpoint, or listing all arrays that belong to no part of the
    ///   model.
    public init(contentsOf path: String) throws {
        let file = try FlaxCheckpoint(contentsOf: path)
        var keys: [String] = []
        var places: [String: (String, PublishedName.Layout)] = [:]
        var unknown: [String] = []
        for path in file.keys {
            // The optimizer's momentum of every parameter, including frozen ones, and its step.
            if path == "step" || path.hasPrefix("optimizer/state/") { continue }
            guard let name = PublishedName(path: path) else {
                unknown.append(path)
                continue
            }
            if places.updateValue((path, name.layout), forKey: name.name) != nil {
                throw WeightFileError(
                    file: path, place: "'\(path)'", reason: "there are two arrays of \(name.name)")
            }
            keys.append(name.name)
        }
        guard unknown.isEmpty else {
            let shown = unknown.prefix(8).joined(separator: ", ")
            throw WeightFileError(
                file: path,
                reason: "\(unknown.count) arrays belong to no part of the published F-VLM: \(shown)"
                    + (unknown.count > 8 ? ", …" : ""))
        }
        guard keys.contains(where: { $0.hasPrefix("fpn.") }) else {
            throw WeightFileError(
                file: path, reason: "is a Flax checkpoint, but not of the published F-VLM")
        }
        origin = path
        self.keys = keys
        self.places = places
        self.file = file
        let stored = file.keys.contains("step") ? try file.tensor(named: "step") : nil
        step = stored?.count == 1 ? try stored?.integers().first.map { Int($0) } : nil
    }

    /// A parameter's array in this project's layout.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let (path, layout) = places[name] else {
            throw WeightFileError(
                file: origin, place: "'\(name)'", reason: "there is no array of this parameter")
        }
        let stored = try file.tensor(named: path)
        do {
            return try arranged(Tensor(stored), layout).contiguous().stored(named: name)
        } catch let error as TorchError {
            throw WeightFileError(
                file: origin, place: "'\(path)'",
                reason: "has a shape \(stored.shape) that does not fit the parameter (\(error.reason))")
        }
    }

    private func arranged(_ tensor: Tensor, _ layout: PublishedName.Layout) throws -> Tensor {
        func require(_ rank: Int) throws {
            guard tensor.rank == rank else {
                throw TorchError("layout", reason: "\(rank) dimensions were expected")
            }
        }
        switch layout {
        case .same: return tensor
        case .scalar: return try tensor.reshaped([])
        case .convolution:
            try require(4)
            return try tensor.permuted([3, 2, 0, 1])
        case .transposedConvolution:
            try require(4)
            return try tensor.flipped([0, 1]).permuted([2, 3, 0, 1])
        case .dense:
            try require(2)
            return try tensor.transposed(0, 1)
        case .flattenedDense:
            try require(2)
            // The channels are those of the preceding convolution.
            let last = places.keys.filter { $0.hasPrefix("box_head.conv") && $0.hasSuffix(".norm.bias") }
                .max()
            let channels = try last.map { try self.tensor(named: $0).count } ?? 256
            let cells = channels > 0 ? tensor.shape[0] / channels : 0
            let side = Int(Double(cells).squareRoot().rounded())
            return try tensor.reshaped([side, side, channels, tensor.shape[1]]).permuted([3, 2, 0, 1])
                .flattened(from: 1)
        case .headsBias: return try tensor.flattened()
        case .headsKernel:
            try require(3)
            return try tensor.flattened(from: 1).transposed(0, 1)
        case .headsOutput:
            try require(3)
            return try tensor.flattened(from: 0, to: 1).transposed(0, 1)
        }
    }

    // MARK: Use

    /// Loads the detector's weights, all of them, with x before y.
    /// - Throws: `WeightMismatch` listing everything missing or of a different shape, `WeightFileError`, `TorchError`.
    public func load(into network: DetectorNetwork) throws {
        try network.store.load(self, ignoring: { $0.hasPrefix("visual.") })
        for name in ["rpn_head.anchor_deltas", "bbox_pred"] {
            for part in ["weight", "bias"] {
                guard let parameter = network.store["\(name).\(part)"] else { continue }
                let value = try parameter.value
                let rows = value.shape[0]
                let order = (0..<rows).map { $0 / 4 * 4 + [1, 0, 3, 2][$0 % 4] }
                try parameter.set(value.indexSelected(0, Tensor(order)))
            }
        }
    }

    /// Compares the image tower that the detector was trained with to a CLIP's.
    /// - Throws: `WeightFileError` naming the first difference: the detector was trained with another CLIP.
    public func check(_ clip: CLIPModel) throws {
        for key in keys where key.hasPrefix("visual.") {
            let stored = try tensor(named: key)
            guard let parameter = clip.store[key], parameter.shape == stored.shape else {
                throw WeightFileError(
                    file: origin, place: "'\(key)'",
                    reason:
                        "the CLIP has no such weight of the shape \(stored.shape): pass the CLIP that the detector was trained with"
                )
            }
            // OpenAI's archives store half precision.
            let difference = try (Tensor(stored) - parameter.value.to(.float32)).abs().max().item()
            let size = try parameter.value.to(.float32).abs().max().item()
            guard difference <= 2e-3 * max(size, 1) else {
                throw WeightFileError(
                    file: origin, place: "'\(key)'",
                    reason:
                        "differs from the CLIP by \(difference): pass the CLIP that the detector was trained with"
                )
            }
        }
    }
}
