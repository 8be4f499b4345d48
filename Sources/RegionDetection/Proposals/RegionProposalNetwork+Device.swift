// On a device the best boxes of all images are chosen and decoded level by level, without a look at any number; then they
// come to main memory in one piece, for every look would wait for the device.
extension RegionProposalNetwork {
    /// The best boxes by image, then by level, in main memory.
    ///
    /// As in main memory, but for boxes with exactly equal logits at the end of a level's list, of which the device chooses.
    func candidates(
        _ predictions: RegionProposalHead.Predictions, _ sizes: [Size2D], on device: Device
    ) throws -> [[Candidates]] {
        let anchors = try anchors(grids: predictions.grids, device: device)
        let limits = try limits(sizes, device)
        var (parts, counts): ([Tensor], [Int]) = ([], [])
        for level in anchors.indices {
            let logits = try predictions.flatLogits(level).detached()
            let deltas = try predictions.flatDeltas(level).detached()
            let count = min(self.counts.beforeSuppression, logits.shape[1])
            // What is no number would otherwise come first.
            let usable = try logits.isFinite()
            let rows = try logits.maskedFill(.!usable, with: -Double.infinity).topk(count, dimension: 1)
                .indices
            let chosen = try Tensor.cat(
                [
                    deltas.gathered(1, rows.unsqueezed(2).expanded([sizes.count, count, 4])),
                    anchors[level].tensor.indexSelected(0, rows.flattened())
                        .reshaped([sizes.count, count, 4]),
                ], dimension: 2)
            let flat = try chosen.reshaped([sizes.count * count, 8])
            let decoded = try configuration.coder.boxes(
                flat.narrowed(1, start: 0, length: 4), from: Boxes(flat.narrowed(1, start: 4, length: 4)))
            let isFinite =
                try decoded.areFinite().reshaped([sizes.count, count])
                .&& usable.gathered(1, rows)
            let corners = try decoded.tensor.reshaped([sizes.count, count, 4])
            let clipped = try Tensor.minimum(corners.clamped(min: 0), limits)
            // Rows of anchors are whole numbers below 2^24 in any map that fits into memory.
            let columns = try [logits.gathered(1, rows), rows.to(.float32), isFinite.to(.float32)]
                .map { try $0.to(.float32).unsqueezed(2) }
            parts.append(try Tensor.cat([clipped] + columns, dimension: 2).flattened())
            if isTraining {
                parts.append(
                    try Tensor.stack([usable.all(), deltas.isFinite().all()]).to(.float32).flattened())
            }
            counts.append(count)
        }
        return try candidates(Tensor.cat(parts).to(device: .cpu), counts, images: sizes.count)
    }

    /// The largest coordinates of each image, [N, 1, 4].
    private func limits(_ sizes: [Size2D], _ device: Device) throws -> Tensor {
        let inset = configuration.border == .edge ? 0 : 1
        let numbers = sizes.flatMap { size -> [Float] in
            let corner = [Float(max(size.width - inset, 0)), Float(max(size.height - inset, 0))]
            return corner + corner
        }
        return try Tensor(numbers, shape: [sizes.count, 1, 4]).to(device: device)
    }

    /// Takes what came from the device apart.
    private func candidates(_ numbers: Tensor, _ counts: [Int], images: Int) throws -> [[Candidates]] {
        var candidates = [[Candidates]](repeating: [], count: images)
        var start = 0
        func next(_ length: Int) throws -> Tensor {
            defer { start += length }
            return try numbers.narrowed(0, start: start, length: length)
        }
        for (level, count) in counts.enumerated() {
            let table = try next(images * count * 7).reshaped([images, count, 7])
            if isTraining { try require(next(2).min().item() == 1, level: level) }
            for image in 0..<images {
                let order = try order(
                    logits: table[image, TensorIndex.all, 4], rows: table[image, TensorIndex.all, 5])
                let sorted = try table[image].indexSelected(0, order)
                candidates[image].append(
                    try kept(
                        Boxes(sorted[TensorIndex.all, 0..<4].contiguous()),
                        sorted[TensorIndex.all, 4].contiguous(), areFinite: sorted[TensorIndex.all, 6] .!= 0))
            }
        }
        return candidates
    }

    /// Falling logits, equal ones in the order of their anchors; broken ones are left out later.
    private func order(logits: Tensor, rows: Tensor) throws -> Tensor {
        let byRow = try rows.argsorted(0)
        let byLogit = try logits.indexSelected(0, byRow).argsorted(0, descending: true)
        return try byRow.indexSelected(0, byLogit)
    }
}
