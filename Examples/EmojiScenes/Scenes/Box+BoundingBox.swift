import COCO
import Imaging

extension Imaging.Box {
    /// The box of an annotation by its corners.
    init(_ box: BoundingBox) {
        self.init(x1: box.x, y1: box.y, x2: box.x + box.width, y2: box.y + box.height)
    }
}
