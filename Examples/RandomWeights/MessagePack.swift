/// The part of MessagePack that Flax checkpoints use (github.com/msgpack/msgpack, `spec.md`).
enum MessagePack {
    /// The header of a map.
    static func map(_ count: Int) -> [UInt8] {
        count < 16 ? [0x80 | UInt8(count)] : count < 1 << 16 ? [0xDE] + big(count, 2) : [0xDF] + big(count, 4)
    }

    /// A string.
    static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        switch bytes.count {
        case 0..<32: return [0xA0 | UInt8(bytes.count)] + bytes
        case 32..<256: return [0xD9] + big(bytes.count, 1) + bytes
        default: return [0xDA] + big(bytes.count, 2) + bytes
        }
    }

    /// Everything in an array before its bytes: extension type 1 around a list of shape, element type and bytes.
    static func array(shape: [Int], type: String, byteCount: Int) -> [UInt8] {
        let inner =
            [0x93, 0x90 | UInt8(shape.count)] + shape.flatMap(integer) + text(type) + bytes(byteCount)
        let total = inner.count + byteCount
        let head: [UInt8] =
            total < 1 << 8
            ? [0xC7] + big(total, 1) : total < 1 << 16 ? [0xC8] + big(total, 2) : [0xC9] + big(total, 4)
        return head + [1] + inner
    }

    private static func integer(_ value: Int) -> [UInt8] {
        switch value {
        case 0..<128: [UInt8(value)]
        case 128..<256: [0xCC] + big(value, 1)
        case 256..<(1 << 16): [0xCD] + big(value, 2)
        default: [0xCE] + big(value, 4)
        }
    }

    private static func bytes(_ count: Int) -> [UInt8] {
        count < 1 << 8
            ? [0xC4] + big(count, 1) : count < 1 << 16 ? [0xC5] + big(count, 2) : [0xC6] + big(count, 4)
    }

    /// The last `count` bytes of a number, most significant first.
    private static func big(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
