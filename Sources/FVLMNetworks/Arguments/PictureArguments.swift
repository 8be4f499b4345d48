import ArgumentParser
import FVLMCommand
import Foundation
import Imaging
import Support

/// The pictures given to a command.
struct PictureArguments: ParsableArguments {
    /// How a picture that cannot be read is treated.
    enum Unreadable: EnumerableFlag {
        case keepGoing
        case failFast

        static func help(for value: Self) -> ArgumentHelp? {
            value == .keepGoing
                ? "Skip pictures that cannot be read, with a note for each, and exit with status 1."
                : "Stop at the first picture that cannot be read."
        }
    }

    @Argument(
        help:
            "Pictures, folders and tar archives of pictures, with ranges in braces ('{000000..000999}.tar'); - reads paths from standard input, one per line or NUL-terminated.",
        completion: .file())
    var images: [String]

    @Flag(help: "Search subfolders too.")
    var recursive = false

    @Flag(exclusivity: .exclusive) var unreadable = Unreadable.keepGoing

    /// The files given by the arguments; skipped contents of folders are noted.
    ///
    /// - Parameter opensArchives: Whether the pictures of archives are listed, not the archives.
    func files(opensArchives: Bool = true) throws -> [String] {
        let pictures = try PictureFiles(images, isRecursive: recursive, opensArchives: opensArchives) {
            try FileBytes(contentsOf: "-", access: .read).array
        }
        if let note = pictures.passedOver.note { StandardError.note(note) }
        if pictures.paths.isEmpty { StandardError.note("the list on standard input names no picture") }
        return pictures.paths
    }

    /// What the list of pictures is read from, beside the folders; no output may replace it.
    var lists: [String] { images.filter { $0 == "-" } }

    /// Handles a picture that cannot be used: prints a note, or throws.
    /// - Parameter count: The number of pictures; if a single one fails, nothing is left to do.
    func leaveOut(_ error: any Error, of count: Int) throws {
        guard unreadable == .keepGoing, count > 1 else { throw error }
        StandardError.note("skipped: \(error)")
    }
}
