import Torch

/// Pictures with the categories that they show.
struct PictureBatch: Sendable {
    /// [N, 3, side, side], normalized with CLIP's statistics, channels last.
    let pixels: Tensor

    /// Indices of categories, [N].
    let labels: [Int]

    /// CLIP's means and standard deviations of red, green and blue.
    static let mean = SIMD4<Float>(0.481_454_66, 0.457_827_5, 0.408_210_73, 0)
    static let deviation = SIMD4<Float>(0.268_629_54, 0.261_302_58, 0.275_777_11, 1)

    /// Creates a batch from canvases of one size.
    init(_ canvases: [Canvas], labels: [Int]) throws {
        let (width, height) = (canvases[0].width, canvases[0].height)
        let rows = try Tensor.empty([canvases.count, height, width, 3])
        try rows.withMutableBytes { bytes in
            let target = bytes.bindMemory(to: Float.self)
            var place = 0
            for canvas in canvases {
                canvas.pixels.withUnsafeBufferPointer { pixels in
                    for pixel in pixels {
                        let value = (pixel - Self.mean) / Self.deviation
                        (target[place], target[place + 1], target[place + 2]) = (value.x, value.y, value.z)
                        place += 3
                    }
                }
            }
        }
        pixels = try rows.permuted([0, 3, 1, 2])
        self.labels = labels
    }
}
