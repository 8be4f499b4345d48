import Imaging
import Support

/// A part of a large work on pictures: a tar archive, or some of the other pictures.
struct PictureShard {
    /// The name of its results.
    let name: String

    /// The archive; nil for other pictures.
    private let archive: String?
    private let files: [String]

    /// A digest of what the shard was given: the path of the archive, or those of its pictures.
    let source: String

    private init(name: String, archive: String?, files: [String]) {
        (self.name, self.archive, self.files) = (name, archive, files)
        var hash = SHA256()
        for path in archive.map({ [$0] }) ?? files { hash.update(path) }
        source = hash.finalized().hexadecimal
    }

    /// The paths of its pictures, in order. Other things in an archive are noted.
    ///
    /// - Throws: `ImagingError` for an archive that cannot be read.
    func pictures(note: (String) -> Void) throws -> [String] {
        guard let archive else { return files }
        let (paths, passedOver) = try PictureFiles.pictures(ofArchive: archive)
        if paths.isEmpty {
            note("\(archive): contains no pictures" + (passedOver.note.map { "; \($0)" } ?? ""))
        }
        return paths
    }

    /// The shards of a list of paths: each archive, and each `size` of the pictures between archives.
    static func shards(of paths: [String], size: Int) -> [PictureShard] {
        var shards: [PictureShard] = []
        var taken: Set<String> = []
        var loose: [String] = []
        var number = 0
        func unused(_ stem: String) -> String {
            var (name, number) = (stem, 2)
            while !taken.insert(name.lowercased()).inserted {
                name = "\(stem)-\(number)"
                number += 1
            }
            return name
        }
        func flush() {
            for start in stride(from: 0, to: loose.count, by: size) {
                let digits = String(number)
                let name = "pictures-" + String(repeating: "0", count: max(6 - digits.count, 0)) + digits
                let part = Array(loose[start..<min(start + size, loose.count)])
                shards.append(PictureShard(name: unused(name), archive: nil, files: part))
                number += 1
            }
            loose = []
        }
        for path in paths {
            guard TarArchive.isArchive(path) else {
                loose.append(path)
                continue
            }
            flush()
            let stem = FileName.shortened(Path.stem(path).displayedPath, ending: "-99999.done.json")
            shards.append(PictureShard(name: unused(stem), archive: path, files: []))
        }
        flush()
        return shards
    }
}
