import COCO

/// A picture of several emoji, with what is to be found in it.
struct Scene: Sendable {
    /// An emoji in a scene.
    struct Object: Sendable {
        /// The index of the category among the glyphs'.
        let category: Int
        /// The index of the style among the glyphs'.
        let style: Int
        /// The longest side of the upright drawing in pixels.
        let size: Float
        /// The visible pixels: those where the drawing's alpha is at least a half and no later one's is.
        let mask: RunLengthMask
    }

    let canvas: Canvas
    let objects: [Object]
}
