import Imaging

/// A part of a picture: whole pixels.
public struct Tile: Sendable, Hashable {
    /// The columns, from the left.
    public var columns: Range<Int>

    /// The rows, from the top.
    public var rows: Range<Int>

    /// Creates a tile.
    public init(columns: Range<Int>, rows: Range<Int>) {
        self.columns = columns
        self.rows = rows
    }

    /// Width and height.
    public var size: ImageSize { ImageSize(width: columns.count, height: rows.count) }

    /// The tile as a box of the picture.
    public var box: Box {
        Box(
            x1: Double(columns.lowerBound), y1: Double(rows.lowerBound), x2: Double(columns.upperBound),
            y2: Double(rows.upperBound))
    }
}

/// Overlapping tiles that cover a picture, row by row.
///
/// ```swift
/// let grid = TileGrid(ImageSize(width: 6000, height: 4000), TilingOptions())
/// for tile in grid.tiles { print(tile.columns, tile.rows) }
/// ```
///
/// All tiles have the same size: the last one of a row or a column is moved inward instead of being cut, as in SAHI. A picture
/// that is smaller than a tile in one direction has one tile of its own size there.
public struct TileGrid: Sendable, Hashable {
    /// The size of the picture.
    public let size: ImageSize

    /// The tiles, from the left, then from the top.
    public let tiles: [Tile]

    /// Lays tiles over a picture.
    /// - Parameters:
    ///   - size: The size of the picture.
    ///   - tile: Width and height of a tile, at least 1.
    ///   - overlap: The pixels that neighbors share, below the tile's size; a larger number counts as one below.
    public init(_ size: ImageSize, tile: ImageSize, overlap: ImageSize) {
        self.size = size
        let columns = Self.spans(of: size.width, tile: tile.width, overlap: overlap.width)
        let rows = Self.spans(of: size.height, tile: tile.height, overlap: overlap.height)
        tiles = rows.flatMap { rows in columns.map { Tile(columns: $0, rows: rows) } }
    }

    /// Lays square tiles over a picture.
    public init(_ size: ImageSize, _ options: TilingOptions) {
        let overlap = Self.overlap(options.overlap, of: options.side)
        self.init(
            size, tile: ImageSize(width: options.side, height: options.side),
            overlap: ImageSize(width: overlap, height: overlap))
    }

    /// The overlap in whole pixels of a part of a tile's side, rounded down as in SAHI.
    public static func overlap(_ part: Double, of side: Int) -> Int { Int(part * Double(side)) }

    /// The spans of a row or a column of tiles.
    /// - Parameters:
    ///   - length: The picture's side.
    ///   - tile: The tile's side, at least 1.
    ///   - overlap: The pixels that neighbors share.
    ///   - cutsLast: Whether the last tile is cut at the picture's edge instead of being moved inward, as in supervision
    ///     where tiles do not overlap.
    public static func spans(of length: Int, tile: Int, overlap: Int, cutsLast: Bool = false) -> [Range<Int>]
    {
        let tile = max(tile, 1)
        let step = max(tile - max(overlap, 0), 1)
        var spans: [Range<Int>] = []
        var start = 0
        while start + tile < length {
            spans.append(start..<start + tile)
            start += step
        }
        spans.append((cutsLast ? start : max(length - tile, 0))..<max(length, 0))
        return spans
    }
}
