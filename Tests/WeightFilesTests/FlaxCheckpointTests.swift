import FixtureSupport
import Testing

@testable import WeightFiles

@Suite struct FlaxCheckpointTests {
    /// {"a": {"w": float32[2, 1], "n": 3}, "step": int32[]}
    private var sample: [UInt8] {
        let numbers: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
        let array: [UInt8] = [0x93, 0x92, 2, 1, 0xA7] + Array("float32".utf8) + [0xC4, 8] + numbers
        let step: [UInt8] = [0x93, 0x90, 0xA5] + Array("int32".utf8) + [0xC4, 4, 7, 0, 0, 0]
        return [0x82, 0xA1, UInt8(ascii: "a"), 0x82, 0xA1, UInt8(ascii: "w"), 0xC7, UInt8(array.count), 1]
            + array
            + [0xA1, UInt8(ascii: "n"), 3, 0xA4] + Array("step".utf8) + [0xC7, UInt8(step.count), 1] + step
    }

    private func open(_ bytes: [UInt8]) throws -> FlaxCheckpoint {
        try FlaxCheckpoint(
            storage: bytes.withUnsafeBytes { TensorStorage(copying: $0) }, origin: "sample")
    }

    @Test func readsNestedArrays() throws {
        let file = try open(sample)
        #expect(file.keys == ["a/w", "step"])
        let tensor = try file.tensor(named: "a/w")
        #expect(tensor.shape == [2, 1])
        #expect(tensor.floats() == [1, 2])
        #expect(try file.tensor(named: "step").integers() == [7])
        #expect(throws: WeightFileError.self) { try file.tensor(named: "a/n") }
    }

    @Test func putsChunksTogether() throws {
        func chunk(_ byte: UInt8) -> [UInt8] {
            let array: [UInt8] = [0x93, 0x91, 2, 0xA5] + Array("uint8".utf8) + [0xC4, 2, byte, byte + 1]
            return [0xC7, UInt8(array.count), 1] + array
        }
        let mark = Array("__msgpack_chunked_array__".utf8)
        let bytes: [UInt8] =
            [0x81, 0xA1, UInt8(ascii: "w"), 0x83, 0xD9, UInt8(mark.count)] + mark + [0xC3, 0xA5]
            + Array("shape".utf8) + [0x82, 0xA1, 0x30, 2, 0xA1, 0x31, 2, 0xA6] + Array("chunks".utf8)
            + [0x82, 0xA1, 0x30] + chunk(1) + [0xA1, 0x31] + chunk(5)
        let tensor = try open(bytes).tensor(named: "w")
        #expect(tensor.shape == [2, 2])
        #expect(tensor.bytes() == [1, 2, 5, 6])
    }

    @Test func everyTruncationIsAnError() throws {
        let bytes = sample
        for count in 1..<bytes.count {
            #expect(throws: WeightFileError.self) { try open(Array(bytes[..<count])) }
        }
        #expect(throws: WeightFileError.self) { try open(bytes + [0]) }
    }

    /// No changed byte ends in a crash; what is read is either an error or arrays within the file.
    @Test func changedBytesAreHarmless() throws {
        let bytes = sample
        for place in bytes.indices {
            for value in [0, 1, 0x7F, 0x80, 0x90, 0xC7, 0xD9, 0xDD, 0xDF, 0xFF] as [UInt8] {
                var changed = bytes
                changed[place] = value
                guard let file = try? open(changed) else { continue }
                for key in file.keys { #expect(try file.tensor(named: key).byteCount <= bytes.count) }
            }
        }
    }

    @Test func hostileClaimsAreRefused() throws {
        // A map of four billion entries, nesting without end, a shape beyond all memory.
        #expect(throws: WeightFileError.self) { try open([0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 0xA1, 0x61]) }
        var nested: [UInt8] = []
        for _ in 0..<10_000 { nested += [0x81, 0xA1, 0x61] }
        #expect(throws: WeightFileError.self) { try open(nested + [0xC0]) }
        let huge: [UInt8] =
            [0x93, 0x92, 0xCF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0xA7]
            + Array("float32".utf8)
            + [0xC4, 0]
        #expect(throws: WeightFileError.self) {
            try open([0x81, 0xA1, 0x61, 0xC7, UInt8(huge.count), 1] + huge)
        }
        #expect(throws: WeightFileError.self) { try open([0x93, 1, 2, 3]) }
    }
}
