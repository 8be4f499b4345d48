import FVLM
import Foundation
import Imaging
import Support
import Torch

/// The detector's result, under a name that other modules of the command line do not use.
typealias FVLMDetection = Detection

/// Writes pictures with detections drawn on them to a folder, which no other run writes into meanwhile. Existing files are
/// not replaced.
final class AnnotatedPictures {
    /// The most pixels of a picture that is kept until it is drawn on; a larger one is decoded once more then, so that
    /// pictures that are read ahead do not fill the memory.
    private static let mostPixelsKept = 4 << 20

    private let folder: String
    private var names: Set<String> = []
    private let lock: FolderLock

    /// Makes the folder and takes its lock.
    /// - Throws: `FileFailure` when the folder cannot be made, or another run has it.
    init(folder: String) throws {
        self.folder = folder
        lock = try FolderLock(making: folder)
    }

    /// Leaves out names that an earlier part of the work has given already.
    func reserve(_ taken: some Sequence<String>) { names.formUnion(taken.map { $0.lowercased() }) }

    /// The picture, where it is worth its memory.
    static func kept(_ image: Image) -> Image? {
        image.width * image.height <= mostPixelsKept ? image : nil
    }

    /// Draws and writes a picture as PNG under its own name, or with a number if a file has that name.
    /// - Parameter image: The picture; nil: it is decoded.
    /// - Returns: The name.
    func write(_ file: String, _ image: Image?, _ detections: [FVLMDetection]) throws -> String {
        let name = freeName(for: file)
        // A large picture takes the place of the network's memory.
        if image == nil { try Runtime.releaseKeptMemory() }
        var picture = try image ?? Image(contentsOf: file)
        try Annotator().draw(detections, onto: &picture)
        try picture.write(to: Path.join(folder, name))
        return name
    }

    /// As ``write(_:_:_:)`` for a picture that is not decoded as a whole: it is drawn on a smaller copy.
    func write(_ file: String, smaller picture: any PictureRegions, _ detections: [FVLMDetection]) throws
        -> String
    {
        let most = 4096
        let copy = try picture.reduced(by: (picture.size.longestSide + most - 1) / most)
        return try write(
            file, copy.image, detections.map { $0.moved(to: copy.transform.apply(to: $0.box)) })
    }

    private func freeName(for file: String) -> String {
        let whole = file[(file.lastIndex(of: "/").map(file.index(after:)) ?? file.startIndex)...]
        let stem = String(whole.lastIndex(of: ".").map { whole[..<$0] } ?? whole)
        func name(_ ending: String) -> String { FileName.shortened(stem, ending: ending) + ending }
        var (free, number) = (name(".png"), 2)
        while !names.insert(free.lowercased()).inserted || isTaken(free) {
            free = name("-\(number).png")
            number += 1
        }
        return free
    }

    private func isTaken(_ name: String) -> Bool {
        "\(folder)/\(name)".withPathPointer { faccessat(AT_FDCWD, $0, F_OK, AT_SYMLINK_NOFOLLOW) } == 0
    }
}
