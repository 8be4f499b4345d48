import Torch

/// The positions at which regions sample a feature map: a crop in two factors.
///
/// Every crop made of bilinear samples on a grid is a product: cell (i, j) of region r is the sum of rows[r, i, y] *
/// columns[r, j, x] * map[y, x]. One definition thus covers cropping a map, cropping its projections, and the reverse,
/// without a kernel.
///
/// Shape letters: R regions, g cells along a side of a crop, H and W of the map.
package struct RegionCropping: Sendable {
    /// The weight of every row of the map in every row of a crop, [R, g, H] float32, in main memory.
    package let rows: Tensor

    /// The weight of every column, [R, g, W] float32.
    package let columns: Tensor

    /// The index in the batch of each region's image.
    package let images: [Int]

    /// The number of cells along a side of a crop.
    package let gridSize: Int

    /// The number of regions.
    package var count: Int { images.count }

    /// The height and width of the map.
    package let mapSize: Size2D

    /// The samples of RoIAlign (He et al., 2017), as torchvision's `roi_align` takes them.
    /// - Parameters:
    ///   - boxes: [R, 4]: x1, y1, x2, y2 in pixels of the trunk's input image.
    ///   - images: The index in the batch of each region's image; 0 for all by default.
    ///   - mapSize: Height and width of the map.
    ///   - gridSize: The number of cells along a side of a crop.
    ///   - scale: Cells of the map per pixel: 1/32 for C5.
    ///   - samplingRatio: Samples along each side of a crop cell; 0 for one per map cell that it spans.
    ///   - isAligned: Whether pixel centers are at half-integers.
    /// - Throws: ``CLIPError`` for boxes that are not finite or not [R, 4], `TorchError`.
    package static func roiAlign(
        _ boxes: Tensor, images: [Int]? = nil, mapSize: Size2D, gridSize: Int, scale: Float = 1 / 32,
        samplingRatio: Int = 2, isAligned: Bool = true
    ) throws -> RegionCropping {
        let offset: Float = isAligned ? 0.5 : 0
        return try RegionCropping(boxes, images: images, mapSize: mapSize, gridSize: gridSize) {
            low, high, length, weights in
            let start = low * scale - offset
            var size = high * scale - offset - start
            if !isAligned { size = max(size, 1) }
            let cell = size / Float(gridSize)
            let samples = samplingRatio > 0 ? samplingRatio : Int(cell.rounded(.up))
            guard samples > 0 else { return }
            let share = 1 / Float(samples)
            for index in 0..<gridSize {
                let row = UnsafeMutableBufferPointer(rebasing: weights[index * length..<(index + 1) * length])
                for sample in 0..<samples {
                    let place =
                        start + Float(index) * cell + (Float(sample) + 0.5) * cell / Float(samples)
                    // A sample more than a cell outside counts as zero.
                    guard place >= -1, place <= Float(length) else { continue }
                    Self.addSample(at: place, share, to: row)
                }
            }
        }
    }

    /// One sample at the center of every cell, without the half-pixel shift: the crop of the published F-VLM
    /// (`multilevel_crop_and_resize`). Positions outside the map take the value of its border.
    /// - Parameters: Same as ``roiAlign(_:images:mapSize:gridSize:scale:samplingRatio:isAligned:)``.
    /// - Throws: Same as ``roiAlign(_:images:mapSize:gridSize:scale:samplingRatio:isAligned:)``.
    package static func cellCenters(
        _ boxes: Tensor, images: [Int]? = nil, mapSize: Size2D, gridSize: Int, scale: Float = 1 / 32
    ) throws -> RegionCropping {
        try RegionCropping(boxes, images: images, mapSize: mapSize, gridSize: gridSize) {
            low, high, length, weights in
            let start = low * scale
            let cell = (high * scale - start) / Float(gridSize)
            for index in 0..<gridSize {
                let row = UnsafeMutableBufferPointer(rebasing: weights[index * length..<(index + 1) * length])
                Self.addSample(at: start + (Float(index) + 0.5) * cell, 1, to: row)
            }
        }
    }

    /// Splits a sample between its two neighbors; positions outside are clamped to the border.
    private static func addSample(
        at place: Float, _ share: Float, to row: UnsafeMutableBufferPointer<Float>
    ) {
        let place = min(max(place, 0), Float(row.count - 1))
        let low = Int(place)
        let rest = place - Float(low)
        row[low] += (1 - rest) * share
        if low + 1 < row.count { row[low + 1] += rest * share }
    }

    /// The largest side, in cells of the map, of an adaptively sampled box: beyond it, time would be unbounded.
    private static let furthest: Float = 1e6

    private init(
        _ boxes: Tensor, images: [Int]?, mapSize: Size2D, gridSize: Int,
        _ fill: (_ low: Float, _ high: Float, _ length: Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) throws {
        guard boxes.rank == 2, try boxes.size(1) == 4 else {
            throw CLIPError("regions", reason: "boxes must be [R, 4], not \(boxes.shape)")
        }
        guard mapSize.height > 0, mapSize.width > 0, gridSize > 0 else {
            throw CLIPError(
                "regions",
                reason: "a map of \(mapSize.height) x \(mapSize.width) cells cannot be cropped to "
                    + "\(gridSize) x \(gridSize)")
        }
        let count = try boxes.size(0)
        let images = images ?? [Int](repeating: 0, count: count)
        guard images.count == count, images.allSatisfy({ $0 >= 0 }) else {
            throw CLIPError(
                "regions",
                reason: "\(count) boxes come with \(images.count) image indices; the counts must match")
        }
        let corners = try boxes.array(of: Float.self)
        guard corners.allSatisfy({ $0.magnitude < Self.furthest }) else {
            throw CLIPError("regions", reason: "a box is not finite or reaches beyond 1,000,000 pixels")
        }
        let (height, width) = (mapSize.height, mapSize.width)
        var rows = [Float](repeating: 0, count: count * gridSize * height)
        var columns = [Float](repeating: 0, count: count * gridSize * width)
        for region in 0..<count {
            let box = corners[region * 4..<region * 4 + 4]
            let first = box.startIndex
            rows.withUnsafeMutableBufferPointer { rows in
                let part = region * gridSize * height..<(region + 1) * gridSize * height
                fill(box[first + 1], box[first + 3], height, .init(rebasing: rows[part]))
            }
            columns.withUnsafeMutableBufferPointer { columns in
                let part = region * gridSize * width..<(region + 1) * gridSize * width
                fill(box[first], box[first + 2], width, .init(rebasing: columns[part]))
            }
        }
        self.rows = try Tensor(rows, shape: [count, gridSize, height])
        self.columns = try Tensor(columns, shape: [count, gridSize, width])
        self.images = images
        self.gridSize = gridSize
        self.mapSize = mapSize
    }

    /// The crops themselves, [R, C, g, g] float32, in the order of the regions.
    /// - Parameter maps: [N, C, H, W].
    /// - Throws: ``CLIPError`` if the maps have a different size or are too few, `TorchError`.
    package func crops(of maps: Tensor) throws -> Tensor {
        try check(maps)
        let channels = try maps.size(1)
        let crops = try Tensor.empty(
            [count, channels, gridSize, gridSize], device: maps.device)
        let (allRows, allColumns) = try shares(on: maps.device)
        for (image, regions) in try byImage(on: maps.device) {
            // [C, H, 1, W] x [r, W, g], then the rows likewise; the regions of one image share the map.
            let map = try maps[image].to(.float32)
            let rows = try allRows.indexSelected(0, regions)
            let columns = try allColumns.indexSelected(0, regions)
            let across = try Tensor.einsum("chw,rjw->rchj", [map, columns])
            try crops.set(regions, to: Tensor.einsum("rih,rchj->rcij", [rows, across]))
        }
        return crops
    }

    func check(_ maps: Tensor) throws {
        let shape = maps.shape
        guard shape.count == 4, Size2D(shape[2], shape[3]) == mapSize else {
            throw CLIPError(
                "regions",
                reason: "were laid out for maps [N, C, \(mapSize.height), \(mapSize.width)], not \(shape)")
        }
        guard images.allSatisfy({ $0 < shape[0] }) else {
            throw CLIPError(
                "regions", reason: "refer to image \(images.max() ?? 0) of a batch of \(shape[0])")
        }
    }

    /// ``rows`` and ``columns`` on the device of the maps.
    func shares(on device: Device) throws -> (rows: Tensor, columns: Tensor) {
        (try rows.to(device: device), try columns.to(device: device))
    }

    /// The indices of the regions of each image that has any, [r] int64.
    func byImage(on device: Device) throws -> [(image: Int, regions: Tensor)] {
        return try Dictionary(grouping: images.indices, by: { images[$0] }).sorted { $0.key < $1.key }
            .map { ($0.key, try Tensor($0.value).to(device: device)) }
    }
}
