import COCO
import Imaging

extension SpatialTransform {
    /// Maps an annotated object from the source to the target.
    func moved(_ annotation: AnnotationRecord) throws -> AnnotationRecord {
        var result = annotation
        result.box = annotation.box.map { box in
            let moved = apply(
                to: Imaging.Box(x1: box.x, y1: box.y, x2: box.x + box.width, y2: box.y + box.height))
            return BoundingBox(x: moved.x1, y: moved.y1, width: moved.width, height: moved.height)
        }
        result.area = annotation.area.map { $0 * abs(xScale * yScale) }
        result.segmentation = try annotation.segmentation.map(moved)
        return result
    }

    private func moved(_ segmentation: Segmentation) throws -> Segmentation {
        if case .polygons(let rings) = segmentation {
            return .polygons(
                rings.map { ring in
                    stride(from: 0, to: ring.count - 1, by: 2).flatMap { place in
                        let point = apply(to: Point(x: ring[place], y: ring[place + 1]))
                        return [point.x, point.y]
                    }
                })
        }
        let runs = try RunLengthMask(segmentation, height: source.height, width: source.width)
        let mask = try apply(to: Mask(width: runs.width, height: runs.height, bytes: runs.pixels()))
        let moved = try RunLengthMask(height: mask.height, width: mask.width, pixels: mask.bytes)
        return .compressedRunLengths(height: moved.height, width: moved.width, counts: moved.compressed)
    }
}
