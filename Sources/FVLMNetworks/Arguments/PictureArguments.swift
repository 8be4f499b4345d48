import Foundation
import Imaging
import Support

/// The pictures that a command is given.
enum PictureArguments {
    /// The files that arguments mean; what of their folders takes no part is noted.
    static func files(_ arguments: [String], isRecursive: Bool = false) throws -> [String] {
        let pictures = try PictureFiles(arguments, isRecursive: isRecursive) {
            [UInt8](try FileHandle.standardInput.readToEnd() ?? Data())
        }
        if let note = pictures.passedOver.note { StandardError.note(note) }
        return pictures.paths
    }
}
