import COCO

/// A picture of several emoji, with its ground truth.
struct Scene: Sendable {
    /// An emoji in a scene.
    struct Object: Sendable {
        /// The index of the category in the glyph set.
        let category: Int
        /// The index of the style in the glyph set.
        let style: Int
        /// The longest side of the upright drawing in pixels.
        let size: Float
        /// The visible pixels: those where the drawing's alpha is at least a half and no later drawing's is.
        let mask: RunLengthMask
    }

    let canvas: Canvas
    let objects: [Object]
}
