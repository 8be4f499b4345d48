internal import CKernels
import Support

/// Pools regions of a pyramid's maps to grids of equal size by bilinear sampling (RoIAlign; He et al., 2017).
///
/// In main memory, `float32` and `bfloat16` maps use this package's kernels (sums in `float32`), with gradients;
/// neither the result nor its gradients depend on the number of threads. Other devices and element types use libtorch
/// operators, which give the same numbers. Boxes may be in main memory while the maps are on a device.
/// - Parameters:
///   - levels: Maps [N, C, H, W] of equal N, C, element type and device. Channels-last maps are not copied.
///   - regions: R regions.
///   - output: Rows and columns of the result.
///   - sampling: Where each cell is sampled.
///   - format: The memory layout of the result: channels last for convolutions, contiguous for flattening.
/// - Returns: [R, C, rows, columns].
/// - Throws: ``DetectionError`` for maps that do not match, regions outside the batch or the pyramid, or boxes that are
///   not finite; `TorchError`.
public func roiAlign(
    _ levels: [PyramidLevel], _ regions: Regions, output: Size2D, sampling: RegionSampling,
    format: MemoryFormat = .channelsLast
) throws -> Tensor {
    let request = try PoolingRequest(levels, regions, output: output, sampling: sampling)
    guard request.device == .cpu, request.dtype == .float32 || request.dtype == .bfloat16 else {
        let pooled =
            request.device.isProcessor || request.dtype == .float64 || Runtime.isDeterministic
            ? try request.pooledByOperators() : try request.pooledBySampler()
        return try pooled.contiguous(format)
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

/// A validated call.
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
            throw DetectionError("RoIAlign", "maps of \(type) do not support gradients: convert them first")
        }
        guard (1...1024).contains(output.height), (1...1024).contains(output.width) else {
            throw DetectionError(
                "RoIAlign", "an output of \(output.height) x \(output.width) is not possible")
        }
        try sampling.validate()
        if let image = regions.images.first(where: { $0 < 0 || $0 >= shape[0] }) {
            throw DetectionError("RoIAlign", "a region refers to image \(image) of a batch of \(shape[0])")
        }
        if let level = regions.levels.first(where: { $0 < 0 || $0 >= levels.count }) {
            throw DetectionError(
                "RoIAlign", "a region refers to level \(level), but there are \(levels.count)")
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
        try Kernel.call { memory in
            let call = try KernelCall(self, maps, memory)
            let target = try memory.pointer(to: result)
            // Otherwise a result of 50 MB takes 12,000 page faults, which cost more than computing it. Smaller results
            // use memory kept by the allocator, whose pages are already mapped.
            LargePages.advise(target, byteCount: result.count * dtype.byteCount)
            try Kernel.run(rows: count, grain: 8) { begin, end in
                guard ck_pool(call.pooling, call.order, channelsFirst, target, begin, end) else {
                    throw Self.outOfMemory
                }
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
        try Kernel.call { memory in
            let call = try KernelCall(self, maps, memory)
            let source = try memory.pointer(to: gradient)
            let tasks = ck_pool_backward_tasks(call.pooling, Int64(batch))
            try Kernel.run(rows: Int(tasks)) { begin, end in
                guard
                    ck_pool_backward(
                        call.pooling, Int64(batch), call.order, call.offsets, source, begin, end)
                else { throw Self.outOfMemory }
            }
        }
        return maps
    }

    /// The gradient of pooled regions in channels-last layout. Faster for many small maps than libtorch's own copy.
    private func channelsLast(_ gradient: Tensor) throws -> Tensor {
        guard !gradient.isContiguous(.channelsLast) else { return gradient }
        let source = try gradient.contiguous()
        let result = try Tensor.empty(gradient.shape, dtype: dtype, format: .channelsLast)
        try Kernel.call { memory in
            let (from, to) = try (memory.pointer(to: source), memory.pointer(to: result))
            try Kernel.run(rows: count, grain: 8) { begin, end in
                ck_channels_last(
                    from, Int64(channels), Int64(output.height * output.width), kernelType, to, begin, end)
            }
        }
        return result
    }

    private static let outOfMemory = DetectionError(
        "RoIAlign", "out of memory; pool fewer regions at a time")

    private var kernelType: ck_dtype { dtype == .bfloat16 ? CK_BFLOAT16 : CK_FLOAT32 }

    /// The arguments of the kernels, with the regions sorted by map.
    private struct KernelCall {
        let pooling: UnsafePointer<ck_pooling>
        /// The regions, map by map.
        let order: UnsafeMutablePointer<Int64>
        /// The start of each map's regions in ``order``.
        let offsets: UnsafeMutablePointer<Int64>

        init(_ request: PoolingRequest, _ maps: [Tensor], _ memory: KernelMemory) throws {
            let levels = try zip(request.levels, maps).map { level, map in
                ck_level(
                    map: try memory.pointer(to: map), height: Int64(map.shape[2]), width: Int64(map.shape[3]),
                    scale: Float(level.scale))
            }
            let (count, batch) = (request.count, request.batch)
            pooling = UnsafePointer(
                memory.copy(of: [
                    ck_pooling(
                        levels: memory.copy(of: levels), level_count: levels.count,
                        channels: Int64(request.channels), boxes: memory.copy(of: request.boxes),
                        images: memory.copy(of: request.regions.images),
                        region_levels: memory.copy(of: request.regions.levels),
                        rows: Int64(request.output.height), columns: Int64(request.output.width),
                        sampling: request.sampling.code, ratio: Int64(request.sampling.ratio),
                        dtype: request.kernelType)
                ]))
            order = memory.zeros(count)
            offsets = memory.zeros(levels.count * batch + 1)
            guard ck_order_regions(pooling, Int64(batch), Int64(count), order, offsets) else {
                throw PoolingRequest.outOfMemory
            }
        }
    }
}

extension RegionSampling {
    fileprivate var code: ck_sampling {
        switch self {
        case .aligned: CK_ALIGNED
        case .legacy: CK_LEGACY
        case .cellCenters: CK_CELL_CENTERS
        }
    }
}
