import FVLM
import Support
import Foundation
import Torch
import WeightFiles

/// A checkpoint of the published F-VLM in the format that Flax writes: the step, the parameters, a momentum for each of
/// them, and the norms' statistics, as nested maps.
struct RandomCheckpoint {
    /// A map or an array of the file.
    private indirect enum Node {
        case map([(key: String, value: Node)])
        case array(Tensor)

        /// Inserts an array at the end of a path.
        mutating func insert(_ tensor: Tensor, _ path: ArraySlice<String>) {
            guard let key = path.first else {
                self = .array(tensor)
                return
            }
            var entries: [(key: String, value: Node)] = []
            if case .map(let known) = self { entries = known }
            let place = entries.firstIndex { $0.key == key } ?? entries.count
            if place == entries.count { entries.append((key, .map([]))) }
            entries[place].value.insert(tensor, path.dropFirst())
            self = .map(entries)
        }
    }

    private let root: Node

    /// Creates a checkpoint from parameters under this project's names; parameters that the published model does not
    /// have are refused.
    init(step: Int, _ parameters: [(name: String, value: Tensor)]) throws {
        var root = Node.map([])
        root.insert(try Tensor(scalar: Int32(step)), ["step"])
        let channels = parameters.first { $0.name == "box_head.conv1.bias" }?.value.shape.first ?? 0
        for (name, value) in parameters where !name.hasSuffix("num_batches_tracked") {
            guard let place = CheckpointPlace(name, rank: value.rank) else {
                throw RandomWeightsError(name, "does not belong to a checkpoint of the published F-VLM")
            }
            let array = try place.layout.applied(to: value.to(.float32), channels: channels).contiguous()
            let parent = place.isStatistic ? ["model_state", "batch_stats"] : ["optimizer", "target"]
            root.insert(array, (parent + place.path)[...])
            guard !place.isStatistic else { continue }
            let state = ["optimizer", "state", "param_states"] + place.path + ["momentum"]
            // Expanded: a momentum of zeros takes memory only while it is written.
            root.insert(try Tensor.zeros([]).expanded(array.shape), state[...])
        }
        root.insert(try Tensor(scalar: Int32(step)), ["optimizer", "state", "step"])
        self.root = root
    }

    /// Writes the file atomically.
    func write(to path: String) throws {
        try AtomicFile.write(to: path) { file in try Self.write(root, to: &file) }
    }

    private static func write(_ node: Node, to file: inout AtomicFile) throws {
        switch node {
        case .map(let entries):
            try file.write(MessagePack.map(entries.count))
            for (key, value) in entries {
                try file.write(MessagePack.text(key))
                try write(value, to: &file)
            }
        case .array(let tensor):
            let stored = try tensor.contiguous().stored(named: "")
            try file.write(
                MessagePack.array(
                    shape: stored.shape, type: stored.dtype == .int32 ? "int32" : "float32",
                    byteCount: stored.byteCount))
            try stored.withUnsafeBytes { try file.write($0) }
        }
    }
}
