import COCO
import RegionDetection
import FVLM
import Imaging
import Torch

extension TrainingDataset {
    /// One example: the picture of a row, varied, with what is left of its objects.
    /// - Throws: ``TrainingError`` with the image's id and path: the picture has another size than the annotations were
    ///   made for, an outline is broken; `ImagingError` when it cannot be read.
    public func example(at row: Int, view: Int = 0, random: inout RandomStream) throws -> TrainingExample {
        let (pixels, transform) = try pixels(at: row, random: &random)
        return try example(at: row, transform: transform, pixels: pixels)
    }

    /// The varied picture of a row as the network sees it, [3, H, W], and how it came to be.
    /// - Throws: As ``example(at:view:random:)``.
    public func pixels(at row: Int, random: inout RandomStream) throws -> (Tensor, SpatialTransform) {
        let picture = try picture(at: row)
        let draw = try augmentation.draw(for: picture.size, random: &random)
        var varied = try draw.transform.apply(to: picture)
        if let colors = draw.colors { varied = try colors.apply(to: varied) }
        return (try normalization(varied), draw.transform)
    }

    /// The upright picture of a row.
    /// - Throws: As ``example(at:view:random:)``.
    public func picture(at row: Int) throws -> Image {
        let (record, path) = (dataset.images[imageRows[row]], path(at: row))
        let image = try Image(contentsOf: path)
        let stated = ImageSize(width: record.width, height: record.height)
        guard record.width > 0, record.height > 0, image.size != stated else { return image }
        var reason =
            "the picture is \(image.size) pixels (upright), the annotations are made for \(stated) pixels"
        if let header = try? ImageHeader(contentsOf: path), header.storedSize == stated {
            reason +=
                ", its size before its EXIF orientation is applied: turn the pixels and remove the EXIF "
                + "orientation, or annotate it upright"
        } else {
            reason += ": use the pictures that were annotated"
        }
        throw TrainingError("image \(record.id) (\(path))", reason)
    }

    /// The example of a row whose pixels are there already, as from a cache.
    /// - Parameters:
    ///   - transform: From the upright picture to `pixels`.
    ///   - pixels: [3, H, W].
    /// - Throws: As ``example(at:view:random:)``.
    public func example(at row: Int, transform: SpatialTransform, pixels: Tensor) throws -> TrainingExample {
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

    /// What is left of an object in the network's frame; nil when that is too little.
    private func object(_ row: Int, _ transform: SpatialTransform) throws -> (
        box: Imaging.Box, mask: InstanceMask
    )? {
        let whole = transform.apply(to: try annotatedBox(row, transform.source))
        var box = whole.clipped(to: transform.target)
        // A box that is not cut stays the annotators'; one that is cut closes around what the mask has left.
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

    /// The annotated box in pixels of the picture; where the file states none, that of the outline.
    private func annotatedBox(_ row: Int, _ size: ImageSize) throws -> Imaging.Box {
        let annotations = dataset.annotations
        if annotations.flags[row].contains(.hasBox) {
            return Imaging.Box(annotations.boxes[row])
        }
        guard let segmentation = annotations.segmentations[row] else {
            return Imaging.Box(x1: 0, y1: 0, x2: 0, y2: 0)
        }
        return try withPlace(row) {
            Imaging.Box(try RunLengthMask(segmentation, height: size.height, width: size.width).box)
        }
    }

    /// An outline in the network's frame.
    private struct Outline {
        var mask: InstanceMask

        /// The box around what is inside the frame; nil when nothing is.
        var bounds: Imaging.Box?
    }

    private func outline(_ row: Int, _ transform: SpatialTransform) throws -> Outline? {
        guard options.usesMasks, let segmentation = dataset.annotations.segmentations[row] else { return nil }
        if case .polygons(let rings) = segmentation { return try outline(rings, row, transform) }
        let size = transform.source
        let mask = try withPlace(row) { () throws -> Mask in
            let runs = try RunLengthMask(segmentation, height: size.height, width: size.width)
            guard runs.height == size.height, runs.width == size.width else {
                throw TrainingError(
                    place(row),
                    "the mask is \(runs.width) x \(runs.height) pixels, the picture \(size) pixels")
            }
            return try Mask(width: runs.width, height: runs.height, bytes: runs.pixels())
        }
        let result = try transform.apply(to: mask)
        let bounds = result.bounds
        guard bounds != nil else { return Outline(mask: .none, bounds: nil) }
        let bitmap = try Tensor(result.bytes as [UInt8], shape: [result.height, result.width])
        return Outline(mask: .bitmap(bitmap), bounds: bounds)
    }

    private func outline(_ rings: [[Double]], _ row: Int, _ transform: SpatialTransform) throws -> Outline {
        var (remains, bounds): ([[Double]], Imaging.Box?) = ([], nil)
        for ring in rings {
            guard ring.count >= 6, ring.count.isMultiple(of: 2), ring.allSatisfy(\.isFinite) else {
                throw TrainingError(
                    place(row), "a polygon of \(ring.count) numbers; three points of two numbers are needed")
            }
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

    private func place(_ row: Int) -> String {
        let annotations = dataset.annotations
        return "annotation \(annotations.ids[row]) of image \(annotations.imageIDs[row])"
    }

    private func withPlace<Result>(_ row: Int, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as COCOError { throw TrainingError(place(row), "\(error)") }
    }
}

extension Imaging.Box {
    fileprivate init(_ box: BoundingBox) {
        self.init(x1: box.x, y1: box.y, x2: box.x + box.width, y2: box.y + box.height)
    }

    fileprivate var corners: [Float] { [Float(x1), Float(y1), Float(x2), Float(y2)] }
}
