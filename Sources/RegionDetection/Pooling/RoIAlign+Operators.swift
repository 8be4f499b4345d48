// The same sums by libtorch operators, for every device and floating-point type. Samples are gathered in chunks of
// bounded memory; the regions of a chunk share map and number of samples.
extension PoolingRequest {
    /// Elements gathered at a time, for each of the four corners of a sample.
    private static var portion: Int { 1 << 24 }

    private struct Kind: Hashable, Comparable {
        let level: Int
        let rows: Int
        let columns: Int

        static func < (left: Kind, right: Kind) -> Bool {
            (left.level, left.rows, left.columns) < (right.level, right.rows, right.columns)
        }
    }

    func pooledByOperators() throws -> Tensor {
        guard count > 0 else {
            // Part of the graph, so that gradients are zero rather than absent.
            return try levels[0].features.flattened()[0..<0]
                .reshaped([0, channels, output.height, output.width])
        }
        var byKind: [Kind: [Int]] = [:]
        for region in 0..<count { byKind[kind(of: region), default: []].append(region) }
        var parts: [Tensor] = []
        var order: [Int] = []
        for (kind, regions) in byKind.sorted(by: { $0.key < $1.key }) {
            let size = channels * output.height * output.width * max(kind.rows, 1) * max(kind.columns, 1)
            let step = max(Self.portion / max(size, 1), 1)
            for start in stride(from: 0, to: regions.count, by: step) {
                let some = Array(regions[start..<min(start + step, regions.count)])
                parts.append(try pooled(some, kind))
                order += some
            }
        }
        var places = [Int64](repeating: 0, count: count)
        for (place, region) in order.enumerated() { places[region] = Int64(place) }
        return try Tensor.cat(parts).indexSelected(0, Tensor(places).to(device: device))
            .contiguous(.channelsLast)
    }

    /// Start and extent along an axis (0: x, 1: y), in pixels of the map, in the order of the kernel's operations.
    func extent(_ region: Int, axis: Int) -> (start: Float, extent: Float) {
        let scale = Float(levels[Int(regions.levels[region])].scale)
        let (low, high) = (boxes[4 * region + axis] * scale, boxes[4 * region + axis + 2] * scale)
        switch sampling {
        case .aligned: return (low - 0.5, (high - 0.5) - (low - 0.5))
        case .legacy: return (low, max(high - low, 1))
        case .cellCenters: return (low, high - low)
        }
    }

    private func kind(of region: Int) -> Kind {
        Kind(
            level: Int(regions.levels[region]), rows: sampleCount(region, axis: 1, cells: output.height),
            columns: sampleCount(region, axis: 0, cells: output.width))
    }

    /// The samples of a cell along an axis (0: x, 1: y); 0 where there are none, and the region is zero.
    func sampleCount(_ region: Int, axis: Int, cells: Int) -> Int {
        if sampling.ratio > 0 { return sampling.ratio }
        let wanted = (extent(region, axis: axis).extent / Float(cells)).rounded(.up)
        // As in the kernel: beyond this the average is zero.
        return wanted > 0 && wanted <= 4_194_304 ? Int(wanted) : 0
    }

    private func pooled(_ some: [Int], _ kind: Kind) throws -> Tensor {
        let features = levels[kind.level].features
        guard kind.rows > 0, kind.columns > 0 else {
            return try Tensor.zeros(
                [some.count, channels, output.height, output.width], dtype: dtype, device: device)
        }
        let y = try samples(some, axis: 1, cells: output.height, ratio: kind.rows, size: features.shape[2])
        let x = try samples(some, axis: 0, cells: output.width, ratio: kind.columns, size: features.shape[3])
        let images = try Tensor(some.map { regions.images[$0] }).to(device: device).reshaped([-1, 1, 1])
        let map = try features.permuted([0, 2, 3, 1])
        var sum: Tensor?
        for (row, rowWeight) in [(y.low, y.lowWeight), (y.high, y.highWeight)] {
            for (column, columnWeight) in [(x.low, x.lowWeight), (x.high, x.highWeight)] {
                let values = try map[images, row.unsqueezed(2), column.unsqueezed(1)]
                let weight = try (rowWeight.unsqueezed(2) * columnWeight.unsqueezed(1)).unsqueezed(3)
                let part = try values * weight.to(weightType)
                sum = try sum.map { try $0 + part } ?? part
            }
        }
        guard let sum else { throw DetectionError("RoIAlign", "nothing was sampled") }
        return try sum.reshaped([
            some.count, output.height, kind.rows, output.width, kind.columns, channels,
        ]).mean([2, 4]).permuted([0, 3, 1, 2]).to(dtype)
    }

    private var weightType: DType { dtype == .float64 ? .float64 : .float32 }

    private struct Samples {
        let low: Tensor
        let high: Tensor
        let lowWeight: Tensor
        let highWeight: Tensor
    }

    /// Pixels and weights [R, cells * ratio] along an axis.
    private func samples(_ some: [Int], axis: Int, cells: Int, ratio: Int, size: Int) throws -> Samples {
        let extents = some.map { extent($0, axis: axis) }
        let start = try Tensor(extents.map(\.start)).to(device: device).reshaped([-1, 1, 1])
        let cell = try Tensor(extents.map { $0.extent / Float(cells) }).to(device: device)
            .reshaped([-1, 1, 1])
        let cellIndex = try Tensor.arange(to: cells, dtype: .float32, device: device).reshaped([1, -1, 1])
        let sampleIndex = try Tensor.arange(to: ratio, dtype: .float32, device: device).reshaped([1, 1, -1])
        let at: Tensor
        if sampling == .cellCenters {
            let extent = try Tensor(extents.map(\.extent)).to(device: device).reshaped([-1, 1, 1])
            at = try (start + (cellIndex + 0.5) * extent / cells + sampleIndex).clamped(min: 0, max: size - 1)
        } else {
            at = try start + cellIndex * cell + (sampleIndex + 0.5) * cell / ratio
        }
        let places = try at.reshaped([some.count, cells * ratio])
        let inside = try ((places .>= -1) .&& (places .<= size)).to(.float32)
        let held = try places.clamped(min: 0, max: size - 1)
        let low = try held.floor()
        let rest = try held - low
        return Samples(
            low: try low.to(.int64), high: try (low + 1).clamped(max: size - 1).to(.int64),
            lowWeight: try (1 - rest) * inside, highWeight: try rest * inside)
    }
}
