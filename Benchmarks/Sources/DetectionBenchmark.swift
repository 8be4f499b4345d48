import ArgumentParser
import CYardsticks
import RegionDetection

/// The detection kernels against the same work in the usual order on one thread, and the heads against the machine's
/// peak.
struct DetectionBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detection", abstract: "Region pooling, suppression, mask pasting, heads.")

    func run() throws {
        print("\(Runtime.threadCount) threads")
        try pooling()
        try suppression()
        try pasting()
        for dtype in [DType.float32, .bfloat16] { try heads(dtype) }
    }

    /// Prints a line: the work, the time here, the peer's time, and their ratio.
    private func report(_ what: String, _ own: Measurement, _ peer: Measurement, atLeast goal: Double) {
        print(
            "\(what)  \(formatted(seconds: own.median)), yardstick \(formatted(seconds: peer.median)): "
                + "\(rounded(peer.median / own.median)) times (at least \(rounded(goal)))")
    }

    // MARK: Region pooling

    /// Sides from 16 to 320 pixels, uniformly distributed on a logarithmic scale.
    private func proposals(_ count: Int, height: Double, width: Double, generator: Generator) throws -> Boxes
    {
        func uniform(_ shape: [Int]) throws -> Tensor {
            let tensor = try Tensor.empty(shape)
            try tensor.fillUniformInPlace(generator: generator)
            return tensor
        }
        let center = try uniform([count, 2]) * Tensor([Float(width), Float(height)])
        let side = try (uniform([count, 2]) * 2.995_732 + 2.772_589).exp()
        return try Boxes(Tensor.cat([center - side / 2, center + side / 2], dimension: 1))
            .clipped(to: Size2D(Int(height), Int(width)))
    }

    private func pooling() throws {
        let (channels, side, cells) = (256, 200, 7)
        let generator = try Generator(seed: 0)
        let map = try Tensor.empty([1, channels, side, side])
        try map.fillNormalInPlace(generator: generator)
        let last = try map.contiguous(.channelsLast)
        let boxes = try proposals(1000, height: 800, width: 800, generator: generator)
        let regions = try Regions(
            boxes: boxes, images: [Int64](repeating: 0, count: 1000),
            levels: [Int64](repeating: 0, count: 1000))
        let numbers: [Float] = try boxes.tensor.array()
        func pool(_ features: Tensor) throws -> Tensor {
            try roiAlign(
                [PyramidLevel(features, scale: 0.25)], regions, output: Size2D(cells),
                sampling: .aligned(ratio: 2))
        }
        let size = (Int64(channels), Int64(side))
        let peer = try Measurement(runs: 5) {
            let pooled = try Tensor.empty([1000, channels, cells, cells])
            try map.withPointer { map in
                try pooled.withPointer { pooled in
                    yardstick_roi_align(
                        map.assumingMemoryBound(to: Float.self), size.0, size.1, size.1, numbers, 1000, 0.25,
                        Int64(cells), 2, pooled.assumingMemoryBound(to: Float.self))
                }
            }
        }
        let own = try Measurement { _ = try pool(last) }
        report("RoIAlign, 1000 regions of 256x200x200 to 7x7       ", own, peer, atLeast: 7)
        let touched = Int(yardstick_touched_pixels(size.1, size.1, numbers, 1000, 0.25, Int64(cells), 2))
        let bytes = 4 * channels * (touched + 1000 * cells * cells)
        let copied = try Tensor.ones([bytes / 8])
        let copy = try Measurement { _ = try copied.clone() }
        print(
            "  a copy that reads and writes the same number of bytes (\(bytes / 1_000_000) MB)  "
                + "\(formatted(seconds: copy.median)): \(rounded(own.median / copy.median)) times as long (at most 2)"
        )
        let half = try last.to(.bfloat16)
        let halfTime = try Measurement { _ = try pool(half) }
        print("  in bfloat16  \(formatted(seconds: halfTime.median))")

        let upstream = try pool(last).clone()
        let plain = try upstream.contiguous()
        let backwardPeer = try Measurement(runs: 3) {
            let gradient = try Tensor.zeros(map.shape)
            try plain.withPointer { plain in
                try gradient.withPointer { gradient in
                    yardstick_roi_align_backward(
                        plain.assumingMemoryBound(to: Float.self), size.0, size.1, size.1, numbers, 1000,
                        0.25,
                        Int64(cells), 2, gradient.assumingMemoryBound(to: Float.self))
                }
            }
        }
        let leaf = try last.clone().requiringGrad()
        let recorded = try pool(leaf)
        let backward = try Measurement {
            _ = try Tensor.gradients(
                of: [recorded], withRespectTo: [leaf], seeds: [upstream], retainGraph: true)
        }
        report("  backward                                         ", backward, backwardPeer, atLeast: 4)
    }

    // MARK: Suppression

    private func suppression() throws {
        let generator = try Generator(seed: 1)
        let count = 20_000
        let boxes = try proposals(count, height: 800, width: 1200, generator: generator)
        let scores = try Tensor.empty([count])
        try scores.fillUniformInPlace(generator: generator)
        let classes = try (Tensor.arange(to: count) * 7919 % 80)
        let suppression = try NonMaximumSuppression(threshold: 0.5)
        let own = try Measurement { _ = try suppression(boxes, scores: scores, classes: classes) }
        let (numbers, values): ([Float], [Float]) = try (boxes.tensor.array(), scores.array())
        let ids: [Int64] = try classes.array()
        var keep = [UInt8](repeating: 0, count: count)
        let peer = Measurement {
            yardstick_suppression(numbers, values, ids, Int64(count), 80, 0.5, &keep)
        }
        report("Suppression, 20000 boxes in 80 classes             ", own, peer, atLeast: 5)

        // Boxes shared by all classes: 250 of them, each a candidate in each of 80 classes.
        let shared = try proposals(250, height: 800, width: 1200, generator: generator)
        let table = try Tensor.empty([250, 80])
        try table.fillUniformInPlace(generator: generator)
        let sharing = try Measurement {
            _ = try suppression.perClass(shared, scores: table, scoreThreshold: 0)
        }
        let repeated: [Float] = try shared.tensor.repeatInterleaved(80, dimension: 0).array()
        let cells: [Float] = try table.flattened().array()
        let columns = (0..<20_000).map { Int64($0 % 80) }
        let alone = Measurement {
            yardstick_suppression(repeated, cells, columns, 20_000, 80, 0.5, &keep)
        }
        report("  250 boxes shared by 80 classes                   ", sharing, alone, atLeast: 5)
    }

    // MARK: Masks

    private func pasting() throws {
        let generator = try Generator(seed: 2)
        let masks = try Tensor.empty([100, 28, 28])
        try masks.fillUniformInPlace(generator: generator)
        let boxes = try proposals(100, height: 800, width: 1200, generator: generator)
        let paster = try MaskPaster(size: Size2D(800, 1200))
        let own = try Measurement { _ = try paster(masks, boxes: boxes) }
        let numbers: [Float] = try boxes.tensor.array()
        let values: [Float] = try masks.array()
        let peer = try Measurement(runs: 1) {
            let pasted = try Tensor.empty([100, 800, 1200], dtype: .bool)
            try pasted.withPointer { pasted in
                yardstick_paste(
                    values, 100, 28, numbers, 800, 1200, pasted.assumingMemoryBound(to: UInt8.self))
            }
        }
        report("Pasting 100 masks into 800x1200                    ", own, peer, atLeast: 5)
    }

    // MARK: Heads

    private func heads(_ dtype: DType) throws {
        let goal = dtype == .float32 ? 0.8 : 0.75
        let square = try Tensor.ones([4096, 4096], dtype: dtype)
        let product = try Measurement(runs: 5) { _ = try square.matmul(square) }
        let peak = 2 * 4096.0 * 4096 * 4096 / product.median
        print("\(dtype): matrix product of 4096 x 4096  \(rounded(peak / 1e9)) GFLOP/s")
        let store = ParameterStore()
        let maskHead = try MaskHead(store.root / "mask", .init())
        let boxHead = try BoxHead(store.root / "box", .init())
        try store.initialize(seed: 0)
        try store.convert(dtype: dtype, format: .channelsLast)
        try withoutGradients {
            let regions = try Tensor.ones([100, 256, 14, 14]).to(dtype).contiguous(.channelsLast)
            let maskTime = try Measurement(runs: 5) { _ = try maskHead(regions) }
            // Four 3x3 convolutions, one 2x2 transposed convolution, and one channel on four times the pixels.
            let weights: Double = 40 * 256 * 256 + 4 * 256
            let maskWork: Double = 2 * 100 * 196 * weights
            show("mask head, 100 regions", maskWork / maskTime.median, peak, maskTime, goal)
            let pooled = try Tensor.ones([1000, 256, 7, 7]).to(dtype).contiguous(boxHead.format)
            let boxTime = try Measurement(runs: 5) { _ = try boxHead(pooled) }
            let boxWork: Double = 2 * 1000 * 1024 * (12_544 + 1024)
            show("fully connected layers, 1000 regions", boxWork / boxTime.median, peak, boxTime, goal)
        }
    }

    private func show(_ what: String, _ rate: Double, _ peak: Double, _ time: Measurement, _ goal: Double) {
        print(
            "  \(what)  \(formatted(seconds: time.median)), \(rounded(rate / 1e9)) GFLOP/s: "
                + "\(rounded(100 * rate / peak)) % of it (at least \(rounded(100 * goal)))")
    }
}
