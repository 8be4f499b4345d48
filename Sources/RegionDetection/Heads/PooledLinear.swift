/// A linear layer of pooled regions whose gradients pool them again, part by part: kept until the backward pass they would be
/// the largest tensor of a training step, and their gradient the second.
///
/// Pooling takes a hundredth of the layer's time. In main memory, of `float32` and `bfloat16` maps.
struct PooledLinear: Sendable {
    private let pooler: RegionPooler
    private let boxes: [Boxes]

    /// Creates the layer's input.
    /// - Parameter boxes: The regions of each image, in pixels of the padded image.
    init(_ pooler: RegionPooler, boxes: [Boxes]) {
        self.pooler = pooler
        self.boxes = boxes
    }

    /// The most bytes of pooled regions at a time.
    private static let bytesOfPart = 52 << 20

    /// The layer's output, part of the graph if gradients are recorded.
    /// - Parameters:
    ///   - maps: [N, C, H, W] for each stride.
    ///   - weight: [outputs, C x rows x columns].
    ///   - bias: [outputs].
    /// - Returns: [R, outputs], in autocast's type if that is on.
    /// - Throws: ``DetectionError``, `TorchError`.
    func callAsFunction(_ maps: [Tensor], weight: Tensor, bias: Tensor?) throws -> Tensor {
        let type = try autocastType ?? maps[0].dtype
        let parts = RegionPart.parts(
            of: boxes.map(\.count), limit: max(Self.bytesOfPart / (weight.shape[1] * type.byteCount), 1))
        let plain = try maps.map { try $0.detached() }
        let (factors, offset) = (try weight.detached(), try bias?.detached())
        let weightType = try weight.dtype
        let count = maps.count
        return try withCustomGradient("pooled regions", of: maps + [weight] + (bias.map { [$0] } ?? [])) {
            let (factors, offset) = (try factors.to(type), try offset?.to(type))
            let outputs = try parts.map { part in
                let (request, maps) = try request(part, plain)
                return try request.pooled(maps, .contiguous).flattened(from: 1).to(type)
                    .linear(factors, offset)
            }
            return [outputs.count == 1 ? outputs[0] : try Tensor.cat(outputs)]
        } backward: { gradients in
            guard let gradient = try gradients[0]?.to(type) else {
                return [Tensor?](repeating: nil, count: count + (offset == nil ? 1 : 2))
            }
            let factors = try factors.to(type)
            let mapGradients = try plain.map { try $0.to(.float32).zerosLike() }
            var weightGradient: Tensor?
            var start = 0
            for part in parts {
                let rows = try gradient.narrowed(0, start: start, length: part.count)
                start += part.count
                let (request, maps) = try request(part, plain)
                let pooled = try request.pooled(maps, .contiguous).to(type)
                let inputs = try pooled.flattened(from: 1)
                let columns = try rows.transposed(0, 1)
                if let sum = weightGradient {
                    type == weightType
                        ? try sum.addProductInPlace(columns, inputs)
                        : try sum.addInPlace(columns.matmul(inputs))
                } else {
                    weightGradient = try columns.matmul(inputs).to(weightType)
                }
                // In the memory of the pooled regions, which are not needed any more.
                try inputs.addProductInPlace(rows, factors, keeping: 0)
                for (sum, spread) in zip(
                    mapGradients, try request.spread(pooled, shapes: maps.map(\.shape)))
                {
                    try sum.narrowed(0, start: part.images.lowerBound, length: part.images.count)
                        .addInPlace(spread)
                }
            }
            let gradients = try zip(mapGradients, plain).map { Optional(try $0.to($1.dtype)) }
            return gradients + [weightGradient]
                + (try offset.map { [try gradient.to(.float32).sum([0]).to($0.dtype)] } ?? [])
        }[0]
    }

    /// What is pooled of a part's images.
    private func request(_ part: RegionPart, _ maps: [Tensor]) throws -> (PoolingRequest, [Tensor]) {
        let maps = try maps.map {
            try $0.narrowed(0, start: part.images.lowerBound, length: part.images.count)
        }
        let boxes = try part.rows(of: boxes.map(\.tensor)).map { try Boxes($0) }
        return (try pooler.request(maps, boxes: boxes), maps)
    }
}
