internal import CKernels
import Support
import Synchronization

/// Pools regions of a pyramid's maps to grids of equal size, by bilinear samples (RoIAlign; He et al., 2017).
///
/// In main memory `float32` and `bfloat16` maps go through kernels of this package (sums in `float32`), with gradients;
/// the result does not depend on the number of threads, in either direction. Other devices and element types use
/// ``compositeRoIAlign(_:_:output:sampling:)``, which gives the same numbers.
/// - Parameters:
///   - levels: Maps [N, C, H, W] of equal N, C, element type and device. Channels-last maps are used as they are.
///   - regions: R regions.
///   - output: Rows and columns of the result.
///   - format: How the result lies in memory: channels last suits convolutions, contiguous what is flattened.
/// - Returns: [R, C, rows, columns].
/// - Throws: ``DetectionError`` for maps that do not fit each other, regions outside of the batch or the pyramid, boxes
///   that are not finite; ``TorchError``.
public func roiAlign(
    _ levels: [PyramidLevel], _ regions: Regions, output: Size2D, sampling: RegionSampling,
    format: MemoryFormat = .channelsLast
) throws -> Tensor {
    let request = try PoolingRequest(levels, regions, output: output, sampling: sampling)
    guard request.device == .cpu, request.dtype == .float32 || request.dtype == .bfloat16 else {
        return try request.composite().contiguous(format)
    }
    let maps = levels.map(\.features)
    let shapes = maps.map(\.shape)
    let dtype = request.dtype
    return try withCustomGradient("RoIAlign", of: maps) {
        [try request.pooled(maps, format)]
    } backward: { gradients in
        guard let gradient = gradients[0] else { return shapes.map { _ in nil } }
        return try request.spread(gradient, shapes: shapes).map { try $0.to(dtype) }
    }[0]
}

/// ``roiAlign(_:_:output:sampling:)`` by operators of libtorch alone, for any device and floating-point type.
public func compositeRoIAlign(
    _ levels: [PyramidLevel], _ regions: Regions, output: Size2D, sampling: RegionSampling
) throws -> Tensor {
    try PoolingRequest(levels, regions, output: output, sampling: sampling).composite()
}

/// A checked call.
struct PoolingRequest: Sendable {
    let levels: [PyramidLevel]
    let regions: Regions
    let boxes: [Float]
    let output: Size2D
    let sampling: RegionSampling
    let dtype: DType
    let device: Device
    let batch: Int
    let channels: Int

    init(
        _ levels: [PyramidLevel], _ regions: Regions, output: Size2D, sampling: RegionSampling
    ) throws {
        guard let first = levels.first?.features, first.rank == 4 else {
            throw DetectionError("RoIAlign", "needs maps of the shape [N, C, H, W]")
        }
        let shape = first.shape
        let type = try first.dtype
        for level in levels {
            let features = level.features
            guard features.rank == 4, features.shape[0] == shape[0], features.shape[1] == shape[1],
                try features.dtype == type, features.device == first.device,
                features.shape[2] > 0, features.shape[3] > 0
            else {
                throw DetectionError(
                    "RoIAlign",
                    "\(features.summary) does not fit \(first.summary): maps must agree in batch, channels, "
                        + "element type and device, and must not be empty")
            }
            guard features.shape[2] < 1 << 24, features.shape[3] < 1 << 24, level.scale > 0 else {
                throw DetectionError(
                    "RoIAlign", "\(features.summary) with scale \(level.scale) is not possible")
            }
        }
        guard type.isFloatingPoint else {
            throw DetectionError("RoIAlign", "maps of \(type) have no gradients: convert them first")
        }
        guard (1...1024).contains(output.height), (1...1024).contains(output.width) else {
            throw DetectionError(
                "RoIAlign", "an output of \(output.height) x \(output.width) is not possible")
        }
        try sampling.validate()
        if let image = regions.images.first(where: { $0 < 0 || $0 >= shape[0] }) {
            throw DetectionError("RoIAlign", "a region of image \(image), but the batch has \(shape[0])")
        }
        if let level = regions.levels.first(where: { $0 < 0 || $0 >= levels.count }) {
            throw DetectionError("RoIAlign", "a region on level \(level), but there are \(levels.count)")
        }
        self.levels = levels
        self.regions = regions
        self.output = output
        self.sampling = sampling
        boxes = try regions.boxes.finiteArray(for: "RoIAlign")
        dtype = type
        device = first.device
        batch = shape[0]
        channels = shape[1]
    }

    var count: Int { regions.boxes.count }
}

// MARK: - Kernels

extension PoolingRequest {
    func pooled(_ maps: [Tensor], _ format: MemoryFormat) throws -> Tensor {
        let channelsFirst = format != .channelsLast
        let maps = try maps.map { try $0.contiguous(.channelsLast) }
        let result = try Tensor.empty(
            [count, channels, output.height, output.width], dtype: dtype,
            format: channelsFirst ? .contiguous : .channelsLast)
        guard result.count > 0 else { return result }
        try Self.useLargePages(result)
        try result.withPointer { target in
            try run("RoIAlign", maps, dtype) { pooling, order, _ in
                (count, 8, { ck_pool(pooling, order, channelsFirst, target, $0, $1) })
            }
        }
        return result
    }

    func spread(_ gradient: Tensor, shapes: [[Int]]) throws -> [Tensor] {
        let gradient = try channelsLast(gradient.to(dtype))
        let maps = try shapes.map { shape in
            let map = try Tensor.empty(shape, format: .channelsLast)
            try map.zeroInPlace()
            return map
        }
        guard gradient.count > 0 else { return maps }
        try gradient.withPointer { source in
            try run("RoIAlign backward", maps, dtype) { pooling, order, offsets in
                let tasks = ck_pool_backward_tasks(pooling, Int64(batch))
                return (
                    Int(tasks), 1,
                    { ck_pool_backward(pooling, Int64(batch), order, offsets, source, $0, $1) }
                )
            }
        }
        return maps
    }

    /// For fresh tensors. Smaller ones come from memory that the allocator keeps, whose pages are there already.
    private static func useLargePages(_ tensor: Tensor) throws {
        let size = try tensor.count * tensor.dtype.byteCount
        guard size >= 32 << 20 else { return }
        try tensor.withPointer { ck_use_large_pages($0, size) }
    }

    /// A gradient of pooled regions, channels last. Faster for many small maps than libtorch's own copy.
    private func channelsLast(_ gradient: Tensor) throws -> Tensor {
        guard !gradient.isContiguous(.channelsLast) else { return gradient }
        let source = try gradient.contiguous()
        let result = try Tensor.empty(gradient.shape, dtype: dtype, format: .channelsLast)
        try source.withPointer { source in
            try result.withPointer { target in
                let pointers = Unchecked((source, target))
                Runtime.parallel(0..<count, grain: 8) { range in
                    ck_channels_last(
                        pointers.value.0, Int64(channels), Int64(output.height * output.width),
                        dtype == .bfloat16 ? CK_BFLOAT16 : CK_FLOAT32, pointers.value.1,
                        Int64(range.lowerBound), Int64(range.upperBound))
                }
            }
        }
        return result
    }

    private typealias Work = (Int64, Int64) -> Bool

    /// Describes the call to the kernels, orders the regions, and spreads what `work` tells over the threads.
    private func run(
        _ operation: String, _ maps: [Tensor], _ dtype: DType,
        _ work: (
            _ pooling: UnsafePointer<ck_pooling>, _ order: UnsafePointer<Int64>,
            _ offsets: UnsafePointer<Int64>
        ) -> (tasks: Int, grain: Int, run: Work)
    ) throws {
        var descriptions: [ck_level] = []
        for (level, map) in zip(levels, maps) {
            descriptions.append(
                ck_level(
                    map: try map.withPointer { $0 }, height: Int64(map.shape[2]), width: Int64(map.shape[3]),
                    scale: Float(level.scale)))
        }
        defer { withExtendedLifetime(maps) {} }
        var order = [Int64](repeating: 0, count: max(count, 1))
        var offsets = [Int64](repeating: 0, count: levels.count * batch + 1)
        let failed = Atomic<Bool>(false)
        descriptions.withUnsafeBufferPointer { descriptions in
            boxes.withUnsafeBufferPointer { boxes in
                regions.images.withUnsafeBufferPointer { images in
                    regions.levels.withUnsafeBufferPointer { regionLevels in
                        var pooling = ck_pooling(
                            levels: descriptions.baseAddress, level_count: descriptions.count,
                            channels: Int64(channels), boxes: boxes.baseAddress, images: images.baseAddress,
                            region_levels: regionLevels.baseAddress, rows: Int64(output.height),
                            columns: Int64(output.width), sampling: sampling.code,
                            ratio: Int64(sampling.ratio),
                            dtype: dtype == .bfloat16 ? CK_BFLOAT16 : CK_FLOAT32)
                        guard ck_order_regions(&pooling, Int64(batch), Int64(count), &order, &offsets) else {
                            return failed.store(true, ordering: .relaxed)
                        }
                        withUnsafePointer(to: pooling) { pooling in
                            order.withUnsafeBufferPointer { order in
                                offsets.withUnsafeBufferPointer { offsets in
                                    guard let order = order.baseAddress, let offsets = offsets.baseAddress
                                    else { return }
                                    let (tasks, grain, run) = work(pooling, order, offsets)
                                    let shared = Unchecked(run)
                                    Runtime.parallel(0..<tasks, grain: grain) { range in
                                        if !shared.value(Int64(range.lowerBound), Int64(range.upperBound)) {
                                            failed.store(true, ordering: .relaxed)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        if failed.load(ordering: .relaxed) {
            throw DetectionError(operation, "memory has run out; pool fewer regions at a time")
        }
    }
}

extension RegionSampling {
    fileprivate var code: ck_sampling {
        switch self {
        case .aligned: CK_ALIGNED
        case .legacy: CK_LEGACY
        case .cellCentres: CK_CELL_CENTRES
        }
    }
}
