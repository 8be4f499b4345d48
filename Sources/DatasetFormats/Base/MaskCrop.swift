import COCO

/// The part of a mask inside its box, laid out as pixels.
struct MaskCrop {
    let left: Int
    let top: Int
    let width: Int
    let height: Int

    /// 0 or 1, row by row.
    let pixels: [UInt8]

    init(_ mask: RunLengthMask) {
        let box = mask.box
        let (left, top) = (Int(box.x), Int(box.y))
        let (width, height) = (Int(box.width), Int(box.height))
        var pixels = [UInt8](repeating: 0, count: width * height)
        mask.forEachColumnRun { column, rows in
            for row in rows { pixels[(row - top) * width + column - left] = 1 }
        }
        (self.left, self.top, self.width, self.height, self.pixels) = (left, top, width, height, pixels)
    }
}
