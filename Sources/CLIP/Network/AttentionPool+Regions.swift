import Torch

extension AttentionPool {
    /// Embeds regions of maps of any size, [R, E] in the order of the regions, not of length 1; equal to cropping first
    /// and pooling the crops, up to rounding.
    ///
    /// Cropping and projecting are both linear, so they commute: a map is projected once, regardless of the number of
    /// regions, instead of projecting every cell of every crop, and crops are never materialized. A region's query is
    /// matched against the projected keys of all cells of the map; only the scores, one number per head, are cropped.
    /// The attention weights are distributed back to the cells of the map by the same weights and applied to the
    /// projected values there.
    /// - Parameters:
    ///   - maps: C5 of images, [N, channels, H, W].
    ///   - regions: The sampling positions of the regions, ``gridSize`` along each side.
    /// - Throws: ``CLIPError`` if the regions were laid out for other maps or a different grid, `TorchError`.
    package func callAsFunction(_ maps: Tensor, regions: RegionCropping) throws -> Tensor {
        try regions.check(maps)
        guard try maps.size(1) == attention.width, regions.gridSize == gridSize else {
            throw CLIPError(
                "attention pool",
                reason: "takes \(attention.width) channels and crops of \(gridSize) x \(gridSize) cells, not "
                    + "\(try maps.size(1)) and \(regions.gridSize) x \(regions.gridSize)")
        }
        let dtype = positions.dtype
        let result = try Tensor.empty(
            [regions.count, embeddingWidth], dtype: dtype, device: maps.device)
        guard regions.count > 0 else { return result }
        let positions = try ProjectedPositions(self)
        let (allRows, allColumns) = try regions.shares(on: maps.device)
        for (image, numbers) in try regions.byImage(on: maps.device) {
            let map = try ProjectedMap(self, maps[image].to(dtype))
            // The scores of a chunk are [r, heads, H * W]; larger chunks would not fit the processor's caches.
            let chunk = max(1, Self.chunkElements / (attention.heads * map.cellCount))
            for part in try numbers.split(chunk) {
                let rows = try allRows.indexSelected(0, part)
                let columns = try allColumns.indexSelected(0, part)
                try result.set(part, to: embedding(map, positions, rows, columns))
            }
        }
        return result
    }

    private static let chunkElements = 1 << 22

    /// The projected cells of one map, in float32, which the scores need for precision.
    private struct ProjectedMap {
        let size: Size2D
        /// [cells, channels].
        let cells: Tensor
        /// [heads, width of a head, cells].
        let keys: Tensor
        /// [heads, cells, width of a head].
        let values: Tensor

        var cellCount: Int { size.height * size.width }

        /// `map` is [channels, H, W].
        init(_ pool: AttentionPool, _ map: Tensor) throws {
            size = Size2D(try map.size(1), try map.size(2))
            let tokens = try map.flattened(from: 1).transposed(0, 1).contiguous()
            let perHead = [pool.attention.heads, pool.attention.width / pool.attention.heads]
            // Without the bias, which a crop would scale where it extends past the border; it is added with the
            // positions.
            func projected(_ projection: (Tensor) throws -> Tensor) throws -> Tensor {
                let bias = try projection(tokens.narrowed(0, start: 0, length: 1).zerosLike())
                return try (projection(tokens) - bias).to(.float32).unflattened(1, into: perHead)
            }
            cells = try tokens.to(.float32)
            keys = try projected(pool.attention.projectedKey).permuted([1, 2, 0]).contiguous()
            values = try projected(pool.attention.projectedValue).permuted([1, 0, 2]).contiguous()
        }
    }

    /// The projected positions, the mean's first, including the projections' biases, in float32.
    private struct ProjectedPositions {
        /// The mean's position, [channels].
        let mean: Tensor
        /// [heads, width of a head, 1 + grid * grid].
        let keys: Tensor
        /// [heads, 1 + grid * grid, width of a head].
        let values: Tensor

        init(_ pool: AttentionPool) throws {
            let positions = try pool.positions.value
            let perHead = [pool.attention.heads, pool.attention.width / pool.attention.heads]
            mean = try positions.selected(0, 0)
            keys = try pool.attention.projectedKey(positions).to(.float32)
                .unflattened(1, into: perHead).permuted([1, 2, 0])
            values = try pool.attention.projectedValue(positions).to(.float32)
                .unflattened(1, into: perHead).permuted([1, 0, 2])
        }
    }

    /// [r, E] of the regions with these weights of rows and columns.
    private func embedding(
        _ map: ProjectedMap, _ positions: ProjectedPositions, _ rows: Tensor, _ columns: Tensor
    ) throws -> Tensor {
        let (heads, grid) = (attention.heads, gridSize)
        let (height, width) = (map.size.height, map.size.width)
        let count = try rows.size(0)

        // The mean of a crop's cells is one weighted sum over the map's.
        let shares = try rows.mean(1).unsqueezed(2) * columns.mean(1).unsqueezed(1)
        let means = try shares.flattened(from: 1).matmul(map.cells)
        let query = try attention.projectedQuery(means.to(self.positions.dtype) + positions.mean)
        let scaled = try query.to(.float32) * (1 / Double(attention.width / heads).squareRoot())
        let queries = try scaled.unflattened(1, into: [heads, attention.width / heads]).transposed(0, 1)

        // Scores of all cells of the map, [r, heads, H, W], then of the crops' cells, [r, heads, g, g].
        let dense = try queries.matmul(map.keys).transposed(0, 1).reshaped([count, heads * height, width])
        let across = try dense.matmul(columns.transposed(1, 2)).unflattened(1, into: [heads, height])
        let cropped = try rows.unsqueezed(1).matmul(across).flattened(from: 2)
        let tokens = try Tensor.cat([cropped.mean(2, keepDimensions: true), cropped], dimension: 2)
        let weights = try (tokens + queries.matmul(positions.keys).transposed(0, 1)).softmax(2)

        // The mean's weight is spread evenly over all cells; back to the cells of the map, [heads, r, H * W].
        let meanWeight = try weights.narrowed(2, start: 0, length: 1) / Double(grid * grid)
        let perCell = try weights.narrowed(2, start: 1, length: grid * grid) + meanWeight
        let spread = try perCell.reshaped([count, heads * grid, grid]).matmul(columns)
            .unflattened(1, into: [heads, grid])
        let back = try rows.transposed(1, 2).unsqueezed(1).matmul(spread)
        let mixed = try back.flattened(from: 2).transposed(0, 1).matmul(map.values)
        let placed = try weights.transposed(0, 1).matmul(positions.values)
        let states = try (mixed + placed).transposed(0, 1).flattened(from: 1)
        return try attention.output(states.to(self.positions.dtype))
    }
}
