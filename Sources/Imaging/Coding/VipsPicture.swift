import CVips

/// A picture of a file that libvips has opened and decodes part by part, from any thread.
final class VipsPicture: @unchecked Sendable {
    private let header: cvips_header
    private let picture: OpaquePointer

    /// Opens a page of a TIFF file, or one of its subfiles (-1: the page itself).
    init(tiff path: String, page: Int = 0, subfile: Int = -1, convertsProfile: Bool = true)
        throws(Vips.Failure)
    {
        (header, picture) = try Self.opened { header, picture in
            path.withPathPointer {
                cvips_open_tiff(
                    $0, Int32(page), Int32(subfile), convertsProfile ? 1 : 0, header, picture)
            }
        }
    }

    /// Opens all frames of a GIF or WebP file below each other, to be decoded from the top; ``size`` is that of a frame.
    init(animation path: String, _ format: ImageFormat) throws(Vips.Failure) {
        (header, picture) = try Self.opened { header, picture in
            path.withPathPointer { cvips_open_animation($0, format.code, header, picture) }
        }
    }

    private init(_ header: cvips_header, _ picture: OpaquePointer) {
        (self.header, self.picture) = (header, picture)
    }

    deinit { cvips_close(picture) }

    private static func opened(
        _ open: (UnsafeMutablePointer<cvips_header>, UnsafeMutablePointer<OpaquePointer?>) -> Int32
    ) throws(Vips.Failure) -> (cvips_header, OpaquePointer) {
        var (header, picture) = (cvips_header(), OpaquePointer?.none)
        try Vips.perform { open(&header, &picture) }
        guard let picture else { throw Vips.Failure(reason: "it was not opened") }
        return (header, picture)
    }

    /// Width and height as stored.
    var size: ImageSize { ImageSize(width: Int(header.width), height: Int(header.height)) }

    /// How the stored picture must be turned.
    var orientation: EXIFOrientation { EXIFOrientation(rawValue: Int(header.orientation)) ?? .up }

    /// The number of pages or frames of the file, at least 1.
    var pageCount: Int { max(Int(cvips_page_count(picture)), 1) }

    /// The number of subfiles of the page: copies of smaller size.
    var subfileCount: Int { Int(cvips_subfile_count(picture)) }

    /// How long a frame of an animation is shown, in milliseconds; 0 where it is not said.
    func delay(of frame: Int) -> Int { Int(cvips_delay(picture, Int32(frame))) }

    /// The picture with sides smaller by a whole factor, by averages.
    func shrunk(by factor: Int) throws(Vips.Failure) -> VipsPicture {
        let header = header
        let (smaller, picture) = try Self.opened { target, result in
            target.pointee = header
            return cvips_shrink(self.picture, Int32(clamping: factor), target, result)
        }
        return VipsPicture(smaller, picture)
    }

    /// A part of the picture as stored.
    func image(columns: Range<Int>, rows: Range<Int>) throws -> Image {
        try Image(uninitialized: ImageSize(width: columns.count, height: rows.count)) { pixels in
            try Vips.perform {
                cvips_read_area(
                    picture, Int32(columns.lowerBound), Int32(rows.lowerBound), Int32(columns.count),
                    Int32(rows.count), pixels.baseAddress)
            }
        }
    }
}
