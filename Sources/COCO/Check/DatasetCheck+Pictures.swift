import Foundation
import Support
import Synchronization

extension DatasetCheck {
    private enum Picture: Sendable {
        case unnamed
        case missing
        case unreadable(String)
        case present(PictureSize?)
    }

    /// Checks the folder of pictures.
    func pictureFindings(
        _ dataset: Dataset, _ folder: PictureFolder, _ progress: @Sendable (_ done: Int) -> Void
    ) throws -> [DatasetFinding] {
        let locations = folder.locations(of: dataset.images)
        var pictures = [Picture](repeating: .unnamed, count: locations.count)
        let done = Atomic<Int>(0)
        try pictures.withUnsafeMutableBufferPointer { buffer in
            guard let shared = buffer.baseAddress.map(Parallel.Shared.init) else { return }
            try Parallel.forEach(
                count: locations.count, threads: Parallel.threadCount(threadCount), grain: 8, state: {}
            ) { _, row in
                if let path = locations[row] { shared.base[row] = Self.examine(path, folder) }
                progress(done.add(1, ordering: .relaxed).newValue)
            }
        }
        return describe(dataset.images, pictures)
            + [try repeatedPictures(dataset.images, locations), try unlistedFiles(folder, locations)]
            .compactMap(\.self)
    }

    private static func examine(_ path: String, _ folder: PictureFolder) -> Picture {
        guard let length = FileContents.length(path) else { return .missing }
        guard length > 0 else { return .unreadable("the file is empty") }
        guard let size = folder.size else { return .present(nil) }
        do {
            return .present(try size(path))
        } catch {
            return .unreadable("\(error)")
        }
    }

    private func describe(_ images: ImageTable, _ pictures: [Picture]) -> [DatasetFinding] {
        var missing = builder(.pictureMissing)
        var unreadable = builder(.pictureUnreadable)
        var sizes = builder(.pictureSizeDiffers)
        var turned = builder(.pictureTurned)
        for (row, picture) in pictures.enumerated() {
            let id = images.ids[row]
            let (width, height) = (Int(images.widths[row]), Int(images.heights[row]))
            switch picture {
            case .unnamed: break
            case .missing: missing.add(id: id, "image \(id): \(images[row].path)")
            case .unreadable(let reason):
                unreadable.add(id: id, "image \(id): \(images[row].path): \(reason)")
            case .present(let size):
                // A missing size is reported separately.
                guard let size, width > 0, height > 0, size.width != width || size.height != height
                else { continue }
                let text =
                    "image \(id): \(images[row].path) has \(size.width) x \(size.height), but the file states "
                    + "\(width) x \(height)"
                if size.isStoredTransposed, size.width == height, size.height == width {
                    turned.add(id: id, text)
                } else {
                    sizes.add(id: id, text)
                }
            }
        }
        return [missing, unreadable, sizes, turned].compactMap(\.finding)
    }

    private func repeatedPictures(_ images: ImageTable, _ locations: [String?]) throws -> DatasetFinding? {
        var builder = builder(.pictureListedTwice)
        let firsts = try FileContents.firstEqual(locations, threads: threadCount)
        for (row, first) in firsts.enumerated() {
            // A file that is listed twice is reported separately.
            guard let first, first != row, locations[first] != locations[row] else { continue }
            builder.add(
                id: images.ids[row],
                "image \(images.ids[row]): \(images[row].path), same as image \(images.ids[first]): "
                    + images[first].path)
        }
        return builder.finding
    }

    /// Finds pictures that no image refers to. Hidden files do not count: file systems and notebooks create them.
    private func unlistedFiles(_ folder: PictureFolder, _ locations: [String?]) throws -> DatasetFinding? {
        let listed = Set(locations.compactMap { $0.map(Self.normalized) })
        let place = folder.path.isEmpty ? "." : folder.path
        guard FileStatus(place)?.kind == .folder else { return nil }
        let names = try Folder.files(below: place)
        var builder = builder(.pictureNotListed)
        for name in names.sorted()
        where PictureExtensions.isPicture(name) && !listed.contains(Self.normalized(folder.path + "/" + name))
        {
            builder.add(id: nil, name)
        }
        return builder.finding
    }

    /// A path without empty and `.` parts.
    private static func normalized(_ path: String) -> String {
        (path.hasPrefix("/") ? "/" : "")
            + path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}
