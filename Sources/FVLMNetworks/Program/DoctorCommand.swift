import ArgumentParser
import FVLMCommand
import Imaging
import Support

/// `fvlm doctor`
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .doctor,
        discussion: """
            Example:
              fvlm doctor

            Exits with status 1 if something gives wrong results. A picture format missing from libvips is not a fault. \
            HEIC and AVIF are kinds of HEIF; each also needs its codec in libheif.
            """)

    @Flag(help: "Write the findings as JSON.")
    var json = false

    @OptionGroup var messages: MessageArguments

    func run() throws {
        var report = DoctorReport()
        report.libvips = ImageFormat.libraryVersion
        report.pictureFormats = Dictionary(
            uniqueKeysWithValues: ImageFormat.allCases.map { ($0.rawValue, $0.isReadable) })
        let picture = try Image(width: 9, height: 7, filledWith: .black)
        let read = try Image(encoded: picture.encoded(as: .png()))
        report.trials["pictures, PNG written and read"] = read == picture
        try BuildContents.examine(&report)
        try StandardOutput.print(json ? report.json() : report.text, terminator: "")
        if !report.isHealthy { throw ExitCode.failure }
    }
}
