import ArgumentParser
import COCO
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
        PictureSizes.read(by: pictureSize)
        await ProgramRun(Self.self).main()
    }

    /// Reads a picture's size from its header, as oriented by the decoder.
    static let pictureSize: @Sendable (String) throws -> PictureSize = { path in
        let header = try ImageHeader(contentsOf: path)
        return PictureSize(
            width: header.size.width, height: header.size.height,
            isStoredTransposed: header.orientation.swapsAxes)
    }
}
