import CLIP
import COCO
import RegionDetection
import FVLM
import Imaging
import Support
import Torch

extension TrainingDataset {
    /// Makes one example: the augmented picture of a row, with what remains of its objects.
    /// - Throws: ``TrainingError`` with the image's id and path if the picture's size differs from the annotations' or
    ///   an outline is broken; `ImagingError` if the picture cannot be read.
    func example(at row: Int, view: Int = 0, random: inout RandomStream) throws -> TrainingExample {
        guard sendsBytes else {
            let (pixels, transform) = try pixels(at: row, random: &random)
            return try example(at: row, transform: transform, pixels: pixels)
        }
        let (varied, transform) = try variedPicture(at: row, random: &random)
        var example = try example(
            at: row, transform: transform, pixels: PixelNormalization.bytes(of: varied))
        example.normalization = normalization
        return example
    }

    /// The augmented picture of a row in the network's form, [3, H, W], and its transform.
    /// - Throws: The errors of ``example(at:view:random:)``.
    func pixels(at row: Int, random: inout RandomStream) throws -> (Tensor, SpatialTransform) {
        let (varied, transform) = try variedPicture(at: row, random: &random)
        return (try normalization(varied), transform)
    }

    private func variedPicture(at row: Int, random: inout RandomStream) throws -> (Image, SpatialTransform) {
        let picture = try picture(at: row)
        let draw = try augmentation.draw(for: picture.size, random: &random)
        var varied = try draw.transform.apply(to: picture, filter: filter)
        if let colors = draw.colors { varied = try colors.apply(to: varied) }
        return (varied, draw.transform)
    }

    /// The upright picture of a row.
    /// - Throws: The errors of ``example(at:view:random:)``.
    func picture(at row: Int) throws -> Image {
        try usable(row) { try dataset.picture(imageRows[row], in: folder) }
    }

    /// The size of the upright picture of a row.
    /// - Throws: The errors of ``example(at:view:random:)``.
    func size(at row: Int) throws -> ImageSize {
        try usable(row) { try dataset.pictureSize(imageRows[row], in: folder) }
    }

    /// Runs `body`, which reads a picture; if it fails, the picture is counted as a fault.
    private func usable<Result>(_ row: Int, _ body: () throws -> Result) throws -> Result {
        if faults.contains(.picture, row: row) { throw ExcludedPicture() }
        do { return try body() } catch let error as ImagingError {
            guard faults.policy == .exclude else { throw error }
            try faults.add(.picture, row: row, of: count, TrainingError(path(at: row), error.reason))
        } catch let error as TrainingError {
            try faults.add(.picture, row: row, of: count, error)
        }
        throw ExcludedPicture()
    }

    /// Makes the example of a row from existing pixels, such as from a cache.
    /// - Parameters:
    ///   - transform: From the upright picture to `pixels`.
    ///   - pixels: [3, H, W].
    /// - Throws: The errors of ``example(at:view:random:)``.
    func example(at row: Int, transform: SpatialTransform, pixels: Tensor) throws -> TrainingExample {
        var (boxes, crowd): ([[Float]], [[Float]]) = ([], [])
        var classes: [Int] = []
        var masks: [InstanceMask] = []
        for annotation in annotationRows[row] {
            if dataset.isCrowd(annotation) {
                let box = try crowdBox(annotation, transform)
                if box.width > 0, box.height > 0 { crowd.append(box.corners) }
            } else if let object = try object(annotation, transform),
                let place = classOfCategory[dataset.annotations.categoryIDs[annotation]]
            {
                boxes.append(object.box.corners)
                classes.append(place)
                masks.append(object.mask)
            }
        }
        return TrainingExample(
            imageID: imageID(at: row), pixels: pixels, boxes: try Boxes(boxes), classes: classes,
            masks: masks,
            crowd: try Boxes(crowd))
    }

    private func crowdBox(_ row: Int, _ transform: SpatialTransform) throws -> Imaging.Box {
        try transform.apply(to: annotatedBox(row, transform.source)).clipped(to: transform.target)
    }

    /// What remains of an object in the network's frame; nil if that is too little.
    private func object(_ row: Int, _ transform: SpatialTransform) throws -> (
        box: Imaging.Box, mask: InstanceMask
    )? {
        let whole = transform.apply(to: try annotatedBox(row, transform.source))
        var box = whole.clipped(to: transform.target)
        // An uncut box stays as annotated; a cut one is tightened around the rest of the mask.
        let isCut = abs(box.width - whole.width) > 1e-6 || abs(box.height - whole.height) > 1e-6
        guard box.width > 0, box.height > 0 else { return nil }
        let outline = try outline(row, transform)
        if isCut, let outline {
            guard let bounds = outline.bounds else { return nil }
            box = bounds.intersection(box)
        }
        guard box.width >= options.minimumBoxSide, box.height >= options.minimumBoxSide, box.width > 0,
            box.height > 0,
            box.width * box.height >= options.minimumVisibleShare * whole.width * whole.height
        else { return nil }
        return (box, outline?.mask ?? .none)
    }

    /// The annotated box in pixels of the picture; the outline's if the file states none.
    private func annotatedBox(_ row: Int, _ size: ImageSize) throws -> Imaging.Box {
        let annotations = dataset.annotations
        if annotations.flags[row].contains(.hasBox) {
            return Imaging.Box(annotations.boxes[row])
        }
        guard let segmentation = try usableSegmentation(row, size) else {
            return Imaging.Box(x1: 0, y1: 0, x2: 0, y2: 0)
        }
        return Imaging.Box(try RunLengthMask(segmentation, height: size.height, width: size.width).box)
    }

    /// An outline in the network's frame.
    private struct Outline {
        var mask: InstanceMask

        /// The box around the part inside the frame; nil if nothing is inside.
        var bounds: Imaging.Box?
    }

    private func outline(_ row: Int, _ transform: SpatialTransform) throws -> Outline? {
        guard options.usesMasks, let segmentation = try usableSegmentation(row, transform.source) else {
            return nil
        }
        if case .polygons(let rings) = segmentation { return outline(rings, transform) }
        let size = transform.source
        let runs = try RunLengthMask(segmentation, height: size.height, width: size.width)
        let mask = try Mask(width: runs.width, height: runs.height, bytes: runs.pixels())
        let result = try transform.apply(to: mask)
        let bounds = result.bounds
        guard bounds != nil else { return Outline(mask: .none, bounds: nil) }
        let bitmap = try Tensor(result.bytes as [UInt8], shape: [result.height, result.width])
        return Outline(mask: .bitmap(bitmap), bounds: bounds)
    }

    private func outline(_ rings: [[Double]], _ transform: SpatialTransform) -> Outline {
        var (remains, bounds): ([[Double]], Imaging.Box?) = ([], nil)
        for ring in rings {
            let points = stride(from: 0, to: ring.count, by: 2).map {
                transform.apply(to: Point(x: ring[$0], y: ring[$0 + 1]))
            }
            let clipped = PolygonClipping.clip(points, to: transform.target)
            guard PolygonClipping.area(clipped) > 0,
                let box = PolygonClipping.bounds(points, in: transform.target)
            else { continue }
            remains.append(clipped.flatMap { [$0.x, $0.y] })
            bounds = bounds?.union(box) ?? box
        }
        return Outline(mask: remains.isEmpty ? .none : .polygons(remains), bounds: bounds)
    }

    /// The segmentation of a row without broken parts; nil if nothing of it can be used.
    ///
    /// An empty segmentation means that no mask is known, as if the field were absent (detectron2's `if segm:`), not a
    /// mask without pixels.
    /// - Throws: ``TrainingError`` for a broken one if faults are refused, or if there are too many.
    func usableSegmentation(_ row: Int, _ size: ImageSize) throws -> Segmentation? {
        switch dataset.annotations.segmentations[row] {
        case nil: return nil
        case .polygons(let rings)?:
            let isUsable = { (ring: [Double]) in
                ring.count >= 6 && ring.count.isMultiple(of: 2) && ring.allSatisfy(\.isFinite)
            }
            guard let broken = rings.first(where: { !isUsable($0) }) else {
                return rings.isEmpty ? nil : .polygons(rings)
            }
            let usable = rings.filter(isUsable)
            let reason =
                broken.allSatisfy(\.isFinite)
                ? "a polygon of \(broken.count) numbers; three points of two numbers are needed"
                : "a polygon with a number that is not finite"
            try faults.add(
                usable.isEmpty ? .mask : .ring, row: row, of: dataset.annotations.count,
                TrainingError(place(row), reason))
            return usable.isEmpty ? nil : .polygons(usable)
        case let segmentation?:
            do {
                let runs = try RunLengthMask(segmentation, height: size.height, width: size.width)
                guard runs.height == size.height, runs.width == size.width else {
                    throw TrainingError(
                        place(row),
                        "the mask is \(runs.width) x \(runs.height) pixels, the picture \(size) pixels")
                }
                return runs.area > 0 ? segmentation : nil
            } catch let error as TrainingError {
                try faults.add(.mask, row: row, of: dataset.annotations.count, error)
            } catch let error as COCOError {
                try faults.add(
                    .mask, row: row, of: dataset.annotations.count, TrainingError(place(row), "\(error)"))
            }
            return nil
        }
    }

    private func place(_ row: Int) -> String {
        let annotations = dataset.annotations
        return "annotation \(annotations.ids[row]) of image \(annotations.imageIDs[row])"
    }
}

extension Imaging.Box {
    fileprivate init(_ box: BoundingBox) {
        self.init(x1: box.x, y1: box.y, x2: box.x + box.width, y2: box.y + box.height)
    }

    fileprivate var corners: [Float] { [Float(x1), Float(y1), Float(x2), Float(y2)] }
}
