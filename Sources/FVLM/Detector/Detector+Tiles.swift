import CLIP
import Imaging
import RegionDetection
import Support
import Tiling
import Torch

extension Detector {
    /// Detects objects in a picture tile by tile: small objects of large pictures, and pictures too large for the memory.
    ///
    /// ```swift
    /// let picture = try TiledTIFF(contentsOf: "aerial.tif")
    /// let found = try await detector.detect(picture, vocabulary: vocabulary, tiles: TilingOptions())
    /// ```
    ///
    /// With `TilingOptions.Merging.joint` the regions of all tiles and of the whole picture are brought into its frame before
    /// suppression: an object that several looks show is found once, and boxes that a tile cuts are dropped where another look
    /// shows the object whole. The other rules are SAHI's, for comparison. The number of detections is limited by
    /// ``ScoringOptions/limit`` for each look. Memory is that of the tiles in flight and of what is found.
    ///
    /// - Parameters:
    ///   - picture: An `Image`, or a file that is read part by part.
    ///   - vocabulary: The classes to detect; made by this detector's CLIP, with a background row.
    ///   - options: Scoring options; the configuration's by default.
    ///   - tiles: How the picture is looked at.
    ///   - includesEmbeddings: Whether detections carry ``Detection/embedding``.
    ///   - progress: Called with the number of looks that are done, and of all.
    /// - Returns: The detections, best first. For a picture that fits into one tile, those of the method without tiles.
    /// - Throws: `TilingError` for impossible tiles, `ConfigurationError` for several tiles with a presence weight, `CLIPError` for another CLIP's vocabulary, `DetectionError`,
    ///   `ImagingError`, `TorchError`; `CancellationError`.
    public func detect(
        _ picture: any PictureRegions, vocabulary: Vocabulary, options: ScoringOptions? = nil,
        tiles: TilingOptions, includesEmbeddings: Bool = false,
        progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) async throws -> [Detection] {
        try tiles.validate()
        let options = options ?? configuration.scoring
        let looks = PictureLook.all(at: picture.size, tiles)
        guard looks.count == 1 || options.presenceWeight == 0 else {
            throw ConfigurationError(
                key: "scoring.presenceWeight",
                reason: "is for pictures that are looked at as a whole, not for tiles: set it to 0")
        }
        let work = TiledWork(
            detector: self, picture: picture, looks: looks, vocabulary: vocabulary, options: options,
            includesEmbeddings: includesEmbeddings)
        // A single look needs no merging: what it finds is what the network finds.
        guard looks.count > 1, tiles.merging == .joint else {
            var found: [Detection] = []
            try await work.forEachBatch(of: tiles.batchSize, progress) { _, batch in
                found += try await work.detections(in: batch)
            }
            guard looks.count > 1, let method = tiles.merging.method else { return found }
            let merging = BoxMerging(method, by: tiles.measure, threshold: tiles.matchThreshold)
            return Array(merging(found).prefix(work.limits.limit))
        }
        var regions = TiledRegions()
        try await work.forEachBatch(of: tiles.batchSize, progress) { first, batch in
            regions.append(try await work.regions(in: batch, first: first))
        }
        return try await work.merged(regions, batchSize: tiles.batchSize)
    }
}

/// The looks at one picture.
private struct TiledWork: Sendable {
    let detector: Detector
    let picture: any PictureRegions
    let looks: [PictureLook]
    let vocabulary: Vocabulary
    let options: ScoringOptions
    let includesEmbeddings: Bool

    /// The options of suppression in the whole picture.
    var limits: ScoringOptions {
        var limits = options
        limits.limit *= looks.count
        limits.candidatesPerClass *= looks.count
        return limits
    }

    /// Goes through the looks, read ahead, in batches.
    /// - Parameter body: Takes the number of the batch's first look and the batch.
    func forEachBatch(
        of size: Int, _ progress: (Int, Int) -> Void,
        _ body: (_ first: Int, _ batch: [PictureLook.Prepared]) async throws -> Void
    ) async throws {
        let (detector, picture, looks) = (detector, picture, looks)
        // The batch that the network works on, and the next one.
        let stream = ReadAhead(count: (looks.count + size - 1) / size, window: 1) { number in
            let start = ContinuousClock.now
            let batch = try looks[number * size..<min((number + 1) * size, looks.count)].map {
                try detector.prepare($0, of: picture)
            }
            return (batch, ContinuousClock.now - start)
        }
        defer { stream.cancel() }
        var done = 0
        while let result = await stream.next() {
            try Task.checkCancellation()
            let (batch, time) = try result.get()
            StageProfile.current?.add(.decoding, time)
            try await body(done, batch)
            done += batch.count
            progress(done, looks.count)
        }
    }

    /// The detections of looks, each finished alone, in pixels of the picture.
    func detections(in batch: [PictureLook.Prepared]) async throws -> [Detection] {
        let found = try await detector.detect(
            prepared: batch.map(\.pixels), vocabulary: vocabulary, options: options,
            includesEmbeddings: includesEmbeddings)
        return zip(batch, found).flatMap { look, detections in
            let back = look.placement.inverse
            return look.placement.isIdentity
                ? detections
                : detections.map { $0.moved(to: back.apply(to: $0.box).clipped(to: picture.size)) }
        }
    }

    // MARK: Joint suppression

    /// The scored regions of looks in pixels of the picture.
    func regions(in batch: [PictureLook.Prepared], first: Int) async throws -> TiledRegions {
        try await detector.onQueue { checkCancellation in
            try options.validate()
            let classes = try detector.rows(of: vocabulary)
            let includesMasks = options.includesMasks && detector.network.architecture.maskHead != nil
            var results = [TiledRegions](repeating: TiledRegions(), count: batch.count)
            for places in detector.groups(batch.map(\.pixels)) {
                try checkCancellation()
                let seen = try detector.encoded(
                    places.map { batch[$0].pixels }, options, includesMasks: includesMasks, checkCancellation
                ).regions
                let scores = try StageProfile.measure(.scoring) {
                    try withoutGradients {
                        try detector.network.scores(
                            seen.embeddings, vlmEmbeddings: seen.vlmEmbeddings, classes: classes,
                            objectness: seen.objectness, options: options)
                    }
                }
                let masks = try masks(of: seen, scores)
                let embeddings =
                    try includesEmbeddings ? seen.embeddings.split(by: seen.boxes.map(\.count)) : nil
                for (image, place) in places.enumerated() {
                    results[place] = try regions(
                        seen.boxes[image], scores[image], embeddings?[image], masks[image],
                        look: first + place, back: batch[place].transform.inverse)
                }
            }
            var all = TiledRegions()
            for result in results { all.append(result) }
            return all
        }
    }

    /// Masks of the regions of each image that suppression within it leaves: nearly all that will be asked for.
    private func masks(of seen: EncodedRegions, _ scores: [FusedScores]) throws -> [[Int: MaskPatch]] {
        let network = detector.network
        guard let levels = seen.maskLevels else { return seen.boxes.map { _ in [:] } }
        let rows = try StageProfile.measure(.suppression) {
            try zip(seen.boxes, scores).map { boxes, scores in
                Set(try network.suppressed(boxes, scores.pairs, options: options).rows.map { Int($0) })
                    .sorted()
            }
        }
        let boxes = try zip(seen.boxes, rows).map { boxes, rows in
            rows.isEmpty ? try Boxes.none() : try boxes.selected(Tensor(rows.map { Int64($0) }))
        }
        let masks = try StageProfile.measure(.masks) {
            try withoutGradients { try network.masks(levels, boxes: boxes) ?? [] }
        }
        return try zip(rows, masks).map { rows, masks in
            let masks = try masks.contiguous()
            let patches = try rows.indices.map { try MaskPatch(masks[$0], network.pasting(options)) }
            return Dictionary(uniqueKeysWithValues: zip(rows, patches))
        }
    }

    /// One image's regions that have a score, in pixels of the picture.
    private func regions(
        _ boxes: Boxes, _ scores: FusedScores, _ embeddings: Tensor?, _ masks: [Int: MaskPatch], look: Int,
        back: SpatialTransform
    ) throws -> TiledRegions {
        let corners = try boxes.tensor.array(of: Float.self).map { Double($0) }
        let pairs = scores.pairs
        let (detectorScores, vlmScores) = try scores.probabilities(of: pairs)
        let width = embeddings?.shape[1] ?? 0
        let embeddings = try embeddings.map {
            try TextClassifier.unit($0.to(.float32)).array(of: Float.self)
        }
        let frame = looks[look].tile.box
        var result = TiledRegions()
        var last: (row: Int, region: Int?) = (-1, nil)
        for index in pairs.rows.indices {
            let row = Int(pairs.rows[index])
            if row != last.row {
                let box = back.apply(
                    to: Box(
                        x1: corners[4 * row], y1: corners[4 * row + 1], x2: corners[4 * row + 2],
                        y2: corners[4 * row + 3])
                ).intersection(frame)
                // Entirely in the padding.
                let isInside = box.width > 0 && box.height > 0
                last = (row, isInside ? result.boxes.count : nil)
                if isInside {
                    result.boxes.append(box)
                    result.looks.append(Int32(look))
                    if let embeddings {
                        result.embeddings.append(Array(embeddings[row * width..<(row + 1) * width]))
                    }
                    if let mask = masks[row] { result.masks[result.boxes.count - 1] = mask }
                }
            }
            guard let region = last.region else { continue }
            result.pairs.append(
                TiledRegions.Pair(
                    region: region, column: pairs.classes[index], score: pairs.scores[index],
                    detectorScore: detectorScores[index], vlmScore: vlmScores[index]))
        }
        return result
    }

    /// The detections of all looks.
    func merged(_ regions: TiledRegions, batchSize: Int) async throws -> [Detection] {
        let names = vocabulary.names
        let (kept, complete) = try await detector.onQueue { checkCancellation in
            var regions = regions
            let kept = try StageProfile.measure(.suppression) {
                regions.dropCut(picture.size, looks)
                let kept = try regions.suppressed(classCount: names.count + 1, limits, detector.network)
                guard let groups = try detector.rows(of: vocabulary).groups else { return kept }
                return DetectorNetwork.exclusive(
                    kept.map { regions.boxes[$0.region] }, groups: kept.map { groups[Int($0.column) - 1] },
                    threshold: options.suppressionThreshold
                ).map { kept[$0] }
            }
            if options.includesMasks, detector.network.architecture.maskHead != nil {
                try addMasks(kept, to: &regions, batchSize: batchSize, checkCancellation)
            }
            return (kept, regions)
        }
        return kept.map { pair in
            let classIndex = Int(pair.column) - 1
            return Detection(
                box: complete.boxes[pair.region], score: pair.score, detectorScore: pair.detectorScore,
                vlmScore: pair.vlmScore, label: names[classIndex], classIndex: classIndex,
                proposal: pair.region,
                embedding: includesEmbeddings ? complete.embeddings[pair.region] : nil,
                mask: complete.masks[pair.region])
        }
    }

    /// Computes masks that are missing: of regions that were suppressed within their look, but are not in the picture, since
    /// what suppressed them was dropped. Their looks are prepared once more.
    private func addMasks(
        _ kept: [TiledRegions.Pair], to regions: inout TiledRegions, batchSize: Int,
        _ checkCancellation: () throws -> Void
    ) throws {
        let missing = Dictionary(
            grouping: Set(kept.map(\.region)).filter { regions.masks[$0] == nil },
            by: { Int(regions.looks[$0]) })
        let network = detector.network
        for (look, rows) in missing.sorted(by: { $0.key < $1.key }) {
            try checkCancellation()
            let prepared = try detector.prepare(looks[look], of: picture)
            let transform = try prepared.transform
            let rows = rows.sorted()
            let boxes = try Boxes(
                rows.map { row in
                    let box = transform.apply(to: regions.boxes[row])
                    return [Float(box.x1), Float(box.y1), Float(box.x2), Float(box.y2)]
                })
            let pixels = try ImageBatch(
                [prepared.pixels.tensor(on: detector.device)], padding: detector.padding
            ).pixels
            let masks = try withoutGradients {
                try network.masks(network.pyramid(detector.trunk.levels(of: pixels)), boxes: [boxes])
            }
            guard let masks = try masks?.first?.contiguous() else { return }
            for (place, row) in rows.enumerated() {
                regions.masks[row] = try MaskPatch(masks[place], network.pasting(options))
            }
        }
    }
}

extension BoxMerging {
    /// Merges detections of one picture; masks of merged ones become their union.
    /// - Returns: Best first.
    package func callAsFunction(_ detections: [Detection]) -> [Detection] {
        let boxes = detections.map {
            ScoredBox(box: $0.box, score: Double($0.score), classIndex: $0.classIndex)
        }
        return self(boxes).map { group in
            let best = detections[group.best]
            guard !group.merged.isEmpty else { return best }
            let parts = ([group.keeper] + group.merged).compactMap { index in
                detections[index].mask.map { (mask: $0, box: detections[index].box) }
            }
            return best.moved(to: group.box, mask: MaskPatch.union(parts, in: group.box))
        }.sorted { $0.score > $1.score }
    }
}
