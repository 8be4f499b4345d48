import ArgumentParser
import COCO
import DatasetFormats
import FVLMCommand
import Imaging
import Support

/// The program `fvlm-networks`: every command of `fvlm`, with those that need pictures and networks.
///
/// `fvlm` starts it; started directly, it offers the same commands under the same names.
@main
struct FVLMNetworksTool: AsyncParsableCommand {
    static let configuration = CommandConfiguration.fvlm(
        with: [DoctorCommand.self] + BuildContents.networkCommands)

    static func main() async {
        StandardStreams.prepare()
        do { try BuildContents.prepare() } catch { exit(withError: error) }
        PictureSizes.read(by: PictureReader(size: pictureSize, sizeOfBytes: encodedSize))
        PictureThumbnails.make(by: thumbnail)
        await ProgramRun(Self.self).main()
    }

    /// Reads a picture's size from its header, as the decoder will turn it.
    static let pictureSize: @Sendable (String) throws -> PictureSize = {
        size(of: try ImageHeader(contentsOf: $0))
    }

    /// The same of a picture in memory.
    static let encodedSize: @Sendable ([UInt8]) throws -> PictureSize = { bytes in
        try bytes.withUnsafeBytes { size(of: try ImageHeader(encoded: $0)) }
    }

    /// A JPEG file of a small copy of a picture.
    private static let thumbnail: PictureThumbnails.Maker = { path, side in
        let image = try Image(contentsOf: path)
        let scale = min(1, Double(side) / Double(max(image.width, image.height)))
        let size = ImageSize(
            width: max(1, Int((Double(image.width) * scale).rounded())),
            height: max(1, Int((Double(image.height) * scale).rounded())))
        return try image.resized(to: size, filter: .bilinear).encoded(as: .jpeg(quality: 80))
    }

    private static func size(of header: ImageHeader) -> PictureSize {
        PictureSize(
            width: header.size.width, height: header.size.height,
            isStoredTransposed: header.orientation.swapsAxes)
    }
}

/// The contents of this build: without libtorch the manifest excludes all folders except this one.
enum BuildContents {
    #if FVLM_TORCH
        /// The commands that need networks.
        static let networkCommands = NetworkCommands.all

        /// Sets up libtorch for this process.
        static func prepare() throws { try NetworkCommands.prepare() }

        /// Adds libtorch's properties.
        static func examine(_ report: inout DoctorReport) throws { try NetworkCommands.examine(&report) }
    #else
        static let networkCommands: [any ParsableCommand.Type] = []

        static func prepare() throws {}

        static func examine(_ report: inout DoctorReport) throws {}
    #endif
}
