internal import CKernels

/// Attention in `bfloat16` on processors with AVX-512's products of pairs, for heads of 64 places, without a mask.
///
/// libtorch's kernel reaches a fifth of the processor's peak there (18 % on Zen 5), since its products of small blocks have no
/// instructions of their own; this one reaches four fifths, and holds no matrix of scores either. Results do not depend on the
/// number of threads.
struct BFloat16Attention {
    private let query: Tensor
    private let key: Tensor
    private let value: Tensor
    private let heads: Int

    private static let width = Int(CK_ATTENTION_WIDTH)
    private static let block = Int(CK_ATTENTION_BLOCK)
    /// The number of 32-bit pairs that a block takes.
    private static let pairsOfBlock = block * width / 2
    /// The queries of a head that one thread takes at a time.
    private static let queriesOfPart = 192
    private static let isSupported = ck_attention_is_supported()

    /// Whether it applies to heads of a width, in main memory.
    static func isSupported(width: Int) -> Bool { isSupported && width == Self.width }

    /// Takes projected queries [N, L, heads * 64], and keys and values [N, S, heads * 64]; nil where it does not apply.
    init?(query: Tensor, key: Tensor, value: Tensor, heads: Int) throws {
        guard Self.isSupported, query.rank == 3, try query.dtype == .bfloat16,
            query.shape[2] == heads * Self.width,
            try key.dtype == .bfloat16, try value.dtype == .bfloat16, key.shape == value.shape,
            key.shape.count == 3, key.shape[0] == query.shape[0], key.shape[2] == query.shape[2],
            key.shape[1] > 0, [query, key, value].allSatisfy({ $0.device.isProcessor }),
            !isRecordingGradients || ![query, key, value].contains(where: \.requiresGrad),
            try [query, key, value].allSatisfy({ try $0.strides[2] == 1 })
        else { return nil }
        (self.query, self.key, self.value, self.heads) = (query, key, value, heads)
    }

    /// [N, L, heads * 64].
    func callAsFunction() throws -> Tensor {
        let (batch, queries, keys) = (query.shape[0], query.shape[1], key.shape[1])
        let blocks = (keys + Self.block - 1) / Self.block
        let parts = (queries + Self.queriesOfPart - 1) / Self.queriesOfPart
        let pairsOfHead = blocks * Self.pairsOfBlock
        let result = try Tensor.empty(query.shape, dtype: .bfloat16)
        let packed = try Tensor.empty([2, batch * heads * pairsOfHead], dtype: .int32)
        try Kernel.call { memory in
            let (query, key, value) = try (
                Rows(query, heads, memory), Rows(key, heads, memory), Rows(value, heads, memory)
            )
            let output = try Rows(result, heads, memory)
            let keyPairs = try memory.pointer(to: packed).assumingMemoryBound(to: UInt32.self)
            let valuePairs = keyPairs + batch * heads * pairsOfHead
            try Kernel.run(rows: batch * heads * blocks) { begin, end in
                for unit in Int(begin)..<Int(end) {
                    let (head, block) = (unit / blocks, Int64(unit % blocks))
                    ck_attention_pack(
                        key.start(of: head), key.stride, value.start(of: head), value.stride, Int64(keys),
                        keyPairs + head * pairsOfHead, valuePairs + head * pairsOfHead, block, block + 1)
                }
            }
            try Kernel.run(rows: batch * heads * parts) { begin, end in
                for unit in Int(begin)..<Int(end) {
                    let (head, part) = (unit / parts, unit % parts)
                    ck_attention(
                        query.start(of: head), query.stride, keyPairs + head * pairsOfHead,
                        valuePairs + head * pairsOfHead, Int64(keys), 1 / Float(Self.width).squareRoot(),
                        output.start(of: head), output.stride, Int64(part * Self.queriesOfPart),
                        Int64(min((part + 1) * Self.queriesOfPart, queries)))
                }
            }
        }
        return result
    }

    /// The tokens of a tensor, head by head.
    private struct Rows {
        let stride: Int64
        private let first: UnsafeMutablePointer<UInt16>
        private let strideOfBatch: Int
        private let heads: Int

        init(_ tensor: Tensor, _ heads: Int, _ memory: KernelMemory) throws {
            let strides = try tensor.strides
            (stride, strideOfBatch, self.heads) = (Int64(strides[1]), strides[0], heads)
            first = try memory.pointer(to: tensor).assumingMemoryBound(to: UInt16.self)
        }

        /// The first token of a head, counted over all pictures.
        func start(of head: Int) -> UnsafeMutablePointer<UInt16> {
            first + head / heads * strideOfBatch + head % heads * BFloat16Attention.width
        }
    }
}

extension Tensor {
    /// Attention of heads that lie side by side in every token, by the fastest kernel that applies.
    /// - Parameters:
    ///   - query: [N, L, heads * d]; `key` and `value` [N, S, heads * d].
    ///   - mask: Booleans (true takes part) or numbers to add; broadcast to [N, heads, L, S].
    ///   - isCausal: Whether a token attends only to itself and earlier ones; cannot be combined with a mask.
    /// - Returns: [N, L, heads * d].
    /// - Throws: ``TorchError``.
    package static func attention(
        query: Tensor, key: Tensor, value: Tensor, heads: Int, mask: Tensor? = nil, isCausal: Bool = false
    ) throws -> Tensor {
        if mask == nil, !isCausal,
            let attention = try BFloat16Attention(query: query, key: key, value: value, heads: heads)
        {
            return try attention()
        }
        func split(_ tokens: Tensor) throws -> Tensor {
            try tokens.unflattened(-1, into: [heads, tokens.size(-1) / heads]).transposed(1, 2)
        }
        return try attention(
            query: split(query), key: split(key), value: split(value), mask: mask, isCausal: isCausal
        ).transposed(1, 2).flattened(from: -2)
    }
}
