import Support

extension Operator {
    fileprivate static let gridSampler = Operator("aten::grid_sampler_2d")
}

// The same sums by libtorch's bilinear sampler, which takes one launch for the samples of all regions of a map. Where
// samples lie is computed in main memory, an axis at a time. Its gradient adds in any order: deterministic runs take the
// other operators.
extension PoolingRequest {
    /// Values that are sampled at a time.
    private static var portion: Int { 1 << 26 }

    /// Regions of one map whose cells have at most so many samples along each axis.
    private struct Group: Hashable, Comparable {
        let level: Int
        let rows: Int
        let columns: Int

        static func < (left: Group, right: Group) -> Bool {
            (left.level, left.rows, left.columns) < (right.level, right.rows, right.columns)
        }
    }

    func pooledBySampler() throws -> Tensor {
        guard count > 0 else { return try pooledByOperators() }
        var groups: [Group: [Int]] = [:]
        for region in 0..<count { groups[group(of: region), default: []].append(region) }
        let maps = try levels.map { try $0.features.to(.float32) }
        var parts: [Tensor] = []
        // Where each region is found among the parts.
        var places = [Int64](repeating: 0, count: count)
        var next = 0
        for (group, regions) in groups.sorted(by: { $0.key < $1.key }) {
            let size = channels * output.height * output.width * group.rows * group.columns
            let step = max(Self.portion / max(size, 1), 1)
            for start in stride(from: 0, to: regions.count, by: step) {
                let some = Array(regions[start..<min(start + step, regions.count)])
                let table = Table(some, images: self.regions.images)
                for (slot, region) in table.slots.enumerated() where region >= 0 {
                    places[region] = Int64(next + slot)
                }
                next += table.slots.count
                parts.append(try sampled(table, group, maps[group.level]))
            }
        }
        return try Tensor.cat(parts).indexSelected(0, Tensor(places).to(device: device)).to(dtype)
    }

    /// Regions by image, as many places for each image as the fullest one needs; -1 where there is none.
    private struct Table {
        let slots: [Int]
        let images: [Int]
        let perImage: Int

        init(_ regions: [Int], images: [Int64]) {
            let byImage = Dictionary(grouping: regions) { Int(images[$0]) }.sorted { $0.key < $1.key }
            let most = byImage.map(\.value.count).max() ?? 0
            self.images = byImage.map(\.key)
            perImage = most
            slots = byImage.flatMap { $0.value + [Int](repeating: -1, count: most - $0.value.count) }
        }
    }

    private func group(of region: Int) -> Group {
        func held(_ axis: Int, _ cells: Int) -> Int {
            let samples = sampleCount(region, axis: axis, cells: cells)
            // Powers of two: few groups, and at most twice the samples along an axis.
            return samples <= 1 ? 1 : 1 << (Int.bitWidth - (samples - 1).leadingZeroBitCount)
        }
        return Group(
            level: Int(regions.levels[region]), rows: held(1, output.height), columns: held(0, output.width))
    }

    /// [slots, C, rows, columns] of the output.
    private func sampled(_ table: Table, _ group: Group, _ map: Tensor) throws -> Tensor {
        let (height, width) = (output.height * group.rows, output.width * group.columns)
        let (images, perImage) = (table.images.count, table.perImage)
        let y = axis(table, 1, cells: output.height, samples: group.rows, size: map.shape[2])
        let x = axis(table, 0, cells: output.width, samples: group.columns, size: map.shape[3])
        // One piece: places and weights of rows and columns.
        let lengths = [y.places, y.weights, x.places, x.weights].map(\.count)
        let all = try Tensor(y.places + y.weights + x.places + x.weights).to(device: device).split(lengths)
        let rows = try all[0].reshaped([images, perImage, height, 1])
        let columns = try all[2].reshaped([images, perImage, 1, width])
        let shape = [images, perImage, height, width]
        let grid = try Tensor.stack([columns.expanded(shape), rows.expanded(shape)], dimension: 4)
            .reshaped([images, perImage * height, width, 2])
        let weights =
            try all[1].reshaped([images, perImage, height, 1])
            * all[3].reshaped([images, perImage, 1, width])
        let source = try images == batch ? map : map.indexSelected(0, Tensor(table.images).to(device: device))
        // Bilinear, the border beyond the map; -1 and 1 are the outer edges of the outer pixels.
        let values = try Operator.gridSampler(source, grid, 0, 1, false)
        let weighted = try values * weights.reshaped([images, 1, perImage * height, width])
        return try weighted.reshaped([
            images, channels, perImage, output.height, group.rows, output.width, group.columns,
        ]).sum([4, 6]).permuted([0, 2, 1, 3, 4]).reshaped([
            images * perImage, channels, output.height, output.width,
        ])
    }

    /// Where the samples of each slot lie along an axis, from -1 to 1 over the map, and what share of its cell each has.
    private func axis(_ table: Table, _ axis: Int, cells: Int, samples: Int, size: Int) -> (
        places: [Float], weights: [Float]
    ) {
        var places = [Float](repeating: 0, count: table.slots.count * cells * samples)
        var weights = places
        var position = 0
        for region in table.slots {
            defer { position += cells * samples }
            guard region >= 0 else { continue }
            let count = sampleCount(region, axis: axis, cells: cells)
            guard count > 0 else { continue }
            let (start, extent) = extent(region, axis: axis)
            let cell = extent / Float(cells)
            for index in 0..<cells {
                for sample in 0..<count {
                    let place =
                        sampling == .cellCenters
                        ? min(max(start + (Float(index) + 0.5) * extent / Float(cells), 0), Float(size - 1))
                        : start + Float(index) * cell + (Float(sample) + 0.5) * cell / Float(count)
                    let slot = position + index * samples + sample
                    let held = min(max(place, 0), Float(size - 1))
                    places[slot] = (2 * held + 1) / Float(size) - 1
                    weights[slot] = place >= -1 && place <= Float(size) ? 1 / Float(count) : 0
                }
            }
        }
        return (places, weights)
    }
}
