import CLIP
import Imaging
import Tiling

/// One look of the network at a picture: a tile of it, or all of it.
struct PictureLook: Sendable, Hashable {
    /// What it shows.
    let tile: Tile

    /// Whether it shows the whole picture, fitted to the network's input as a picture alone is.
    let isWhole: Bool

    /// All looks at a picture, the whole last. A picture that fits into a tile is looked at once, as a whole.
    static func all(at size: ImageSize, _ options: TilingOptions) -> [PictureLook] {
        let tiles = TileGrid(size, options).tiles
        let whole = PictureLook(
            tile: Tile(columns: 0..<size.width, rows: 0..<size.height), isWhole: true)
        if tiles.count == 1 { return [whole] }
        return tiles.map { PictureLook(tile: $0, isWhole: false) } + (options.includesWhole ? [whole] : [])
    }

    /// A look in the network's input form.
    struct Prepared: Sendable {
        /// The network's input.
        let pixels: PixelValues

        /// Where the picture's pixels are in the image that the input was made of.
        let placement: SpatialTransform

        /// Where the picture's pixels are in the network's input.
        var transform: SpatialTransform { get throws { try placement.followed(by: pixels.transform) } }
    }
}

extension Detector {
    /// Reads what a look shows, and prepares it for the network; safe to call from several tasks.
    func prepare(_ look: PictureLook, of picture: any PictureRegions) throws -> PictureLook.Prepared {
        if look.isWhole {
            // Twice as large as the network's input, so that the last step is the one that pictures alone go through.
            let scale = abs(try configuration.preprocessor.transform(for: picture.size).xScale)
            let reduced = try picture.reduced(by: max(1, Int(0.5 / scale)))
            return PictureLook.Prepared(
                pixels: try prepare(reduced.image), placement: reduced.transform)
        }
        let tile = look.tile
        return PictureLook.Prepared(
            pixels: try prepare(picture.region(columns: tile.columns, rows: tile.rows)),
            placement: try .crop(
                picture.size, x: tile.columns.lowerBound, y: tile.rows.lowerBound, width: tile.size.width,
                height: tile.size.height))
    }
}
