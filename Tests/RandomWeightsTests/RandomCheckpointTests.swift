import CLIP
import FVLM
import FixtureSupport
import Foundation
import Testing
import Torch
import WeightFiles

@testable import random_weights

/// What is written is what Flax writes: the recorded checkpoint, read and written again.
@Suite struct RandomCheckpointTests {
    @Test func aRecordedCheckpointIsWrittenAsItWas() throws {
        let recorded = Fixtures.folder("published").appending(path: "checkpoint/checkpoint_184000").path
        let published = try PublishedCheckpoint(contentsOf: recorded)
        let parameters = try published.keys.map { key in
            (name: key, value: try Self.withColumnsFirst(key, Tensor(published.tensor(named: key))))
        }
        let path = NSTemporaryDirectory() + "checkpoint-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try RandomCheckpoint(step: 184_000, parameters).write(to: path)
        let (got, want) = (try FlaxCheckpoint(contentsOf: path), try FlaxCheckpoint(contentsOf: recorded))
        #expect(Set(got.keys) == Set(want.keys))
        for key in want.keys {
            let (a, b) = (try got.tensor(named: key), try want.tensor(named: key))
            #expect(a.shape == b.shape && a.dtype == b.dtype, "\(key)")
            guard !key.hasPrefix("optimizer/state/") else { continue }
            #expect(a.bytes() == b.bytes(), "\(key)")
        }
        #expect(try PublishedCheckpoint(contentsOf: path).step == 184_000)
    }

    /// The reader leaves boxes as the file has them, y before x; networks have x before y.
    private static func withColumnsFirst(_ name: String, _ value: Tensor) throws -> Tensor {
        guard name.hasPrefix("bbox_pred.") || name.hasPrefix("rpn_head.anchor_deltas.") else { return value }
        return try value.indexSelected(
            0, Tensor((0..<value.shape[0]).map { $0 / 4 * 4 + [1, 0, 3, 2][$0 % 4] }))
    }

    @Test func whatThePublishedModelLacksIsRefused() throws {
        for name in [
            "adapter.0.weight", "fpn.other.weight", "rpn_head.conv3.weight", "visual.attnpool.other",
        ] {
            #expect(CheckpointPlace(name, rank: 4) == nil, "\(name)")
            #expect(throws: RandomWeightsError.self) {
                _ = try RandomCheckpoint(step: 1, [(name, Tensor.zeros([1, 1, 1, 1]))])
            }
        }
    }

    @Test(arguments: [0, 15, 16, 70_000]) func headsOfMapsAreReadAgain(_ count: Int) throws {
        let bytes = MessagePack.map(count)
        #expect(bytes.count == (count < 16 ? 1 : count < 1 << 16 ? 3 : 5))
        #expect(MessagePack.text(String(repeating: "a", count: 300)).prefix(3) == [0xDA, 1, 44])
    }
}
