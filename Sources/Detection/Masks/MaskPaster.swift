internal import CKernels
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Puts masks that were predicted inside boxes into images, as detectron2's `paste_masks_in_image`.
///
/// A pixel gets the bilinear value of the mask at its centre; outside of the mask, which reaches half a cell beyond the
/// box, it is zero. Boxes without area leave nothing.
public struct MaskPaster: Sendable, Hashable {
    /// Height and width of the image in pixels.
    public var size: Size2D

    /// The least value that is inside.
    public var threshold: Double

    /// - Throws: ``DetectionError`` when the threshold is not above 0 and at most 1, or the size is not possible.
    public init(size: Size2D, threshold: Double = 0.5) throws {
        guard threshold > 0, threshold <= 1 else {
            throw DetectionError("mask pasting", "the threshold \(threshold) is not above 0 and at most 1")
        }
        guard (1..<(1 << 20)).contains(size.height), (1..<(1 << 20)).contains(size.width) else {
            throw DetectionError("mask pasting", "an image of \(size.height) x \(size.width) is not possible")
        }
        self.size = size
        self.threshold = threshold
    }

    /// Binary masks of the image.
    /// - Parameters:
    ///   - masks: Probabilities [N, S, S] or [N, 1, S, S].
    ///   - boxes: [N], in pixels of the image.
    /// - Returns: [N, height, width] `bool`, in main memory. Rows of pixels that no mask touches take no memory.
    /// - Throws: ``DetectionError`` for masks and boxes that do not fit each other, boxes that are not finite.
    public func callAsFunction(_ masks: Tensor, boxes: Boxes) throws -> Tensor {
        let (masks, numbers) = try checked(masks, boxes)
        return try pasted(masks, numbers, dtype: .bool)
    }

    /// The values before the threshold, [N, height, width] `float32`.
    /// - Throws: As ``callAsFunction(_:boxes:)``.
    public func values(_ masks: Tensor, boxes: Boxes) throws -> Tensor {
        let (masks, numbers) = try checked(masks, boxes)
        return try pasted(masks, numbers, dtype: .float32)
    }

    private func checked(_ masks: Tensor, _ boxes: Boxes) throws -> (Tensor, [Float]) {
        let flat = masks.rank == 4 && masks.shape[1] == 1 ? try masks.squeezed(1) : masks
        guard flat.rank == 3, flat.shape[1] == flat.shape[2], flat.shape[0] == boxes.count,
            (1...4096).contains(flat.shape[1])
        else {
            throw DetectionError("mask pasting", "\(masks.summary) does not fit \(boxes.count) boxes")
        }
        return (
            try flat.detached().to(device: .cpu, dtype: .float32).contiguous(),
            try boxes.finiteArray(for: "mask pasting")
        )
    }

    private func pasted(_ masks: Tensor, _ boxes: [Float], dtype: DType) throws -> Tensor {
        let shape = [masks.shape[0], size.height, size.width]
        let memory = try ZeroedMemory(byteCount: shape.reduce(1, *) * dtype.byteCount)
        let result = try Tensor(wrapping: memory.pointer, shape: shape, dtype: dtype, owner: memory)
        let failed = Atomic<Bool>(false)
        let (side, size, threshold) = (masks.shape[1], size, Float(threshold))
        try masks.withPointer { masks in
            boxes.withUnsafeBufferPointer { boxes in
                let pointers = Unchecked(
                    (masks.assumingMemoryBound(to: Float.self), boxes.baseAddress, memory.pointer))
                Runtime.parallel(0..<shape[0]) { range in
                    let (masks, boxes, target) = pointers.value
                    let isBinary = dtype == .bool
                    let done = ck_paste(
                        masks, Int64(side), boxes, Int64(size.height), Int64(size.width), threshold,
                        isBinary ? target.assumingMemoryBound(to: UInt8.self) : nil,
                        isBinary ? nil : target.assumingMemoryBound(to: Float.self), Int64(range.lowerBound),
                        Int64(range.upperBound))
                    if !done { failed.store(true, ordering: .relaxed) }
                }
            }
        }
        if failed.load(ordering: .relaxed) { throw DetectionError("mask pasting", "memory has run out") }
        return result
    }
}

/// Zeros that the system provides page by page when they are first written: most of a pasted mask is empty.
private final class ZeroedMemory: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init(byteCount: Int) throws {
        guard let memory = calloc(max(byteCount, 1), 1) else {
            throw DetectionError(
                "mask pasting", "there is no memory for \(byteCount) bytes; paste fewer masks")
        }
        pointer = memory
    }

    deinit { free(pointer) }
}
