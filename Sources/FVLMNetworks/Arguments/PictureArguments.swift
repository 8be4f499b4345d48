import ArgumentParser
import FVLMCommand
import Foundation
import Imaging
import Support

/// The pictures that a command is given.
struct PictureArguments: ParsableArguments {
    /// What happens at a picture that cannot be read.
    enum Unreadable: EnumerableFlag {
        case keepGoing
        case failFast

        static func help(for value: Self) -> ArgumentHelp? {
            value == .keepGoing
                ? "Leave out pictures that cannot be read, with a note each, and end with 1."
                : "End at the first picture that cannot be read."
        }
    }

    @Argument(
        help:
            "Pictures and folders of pictures; - reads paths from standard input, one a line or ended by NUL."
    )
    var images: [String]

    @Flag(help: "Look through folders in folders too.")
    var recursive = false

    @Flag(exclusivity: .exclusive) var unreadable = Unreadable.keepGoing

    /// The files that the arguments mean; what of their folders takes no part is noted.
    func files() throws -> [String] {
        let pictures = try PictureFiles(images, isRecursive: recursive) {
            [UInt8](try FileHandle.standardInput.readToEnd() ?? Data())
        }
        if let note = pictures.passedOver.note { StandardError.note(note) }
        return pictures.paths
    }

    /// Decides about a picture that cannot be used: notes it, or ends the work.
    /// - Parameter count: How many pictures there are; a single one leaves nothing to do.
    func leaveOut(_ error: any Error, of count: Int) throws {
        guard unreadable == .keepGoing, count > 1 else { throw error }
        StandardError.note("left out: \(error)")
    }
}
