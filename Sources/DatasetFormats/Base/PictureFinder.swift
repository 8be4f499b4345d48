import COCO
import Support

/// Finds the pictures of a data set and reads the sizes that a format does not state.
///
/// Each place is looked at by ``PictureFolder``'s rule; the first that has the picture counts.
struct PictureFinder {
    private let folders: [PictureFolder]
    private let reader: PictureReader

    /// - Parameters:
    ///   - options: the folder that the user named is the only place.
    ///   - places: where the format has its pictures, best first.
    init(_ options: FormatReadingOptions, places: [String]) {
        folders = (options.pictures.map { [$0] } ?? places).map { PictureFolder(path: $0) }
        reader = options.reader
    }

    /// Where a picture lies; nil when it is nowhere.
    func path(_ fileName: String) -> String? {
        let image = ImageRecord(id: 0, width: 0, height: 0, fileName: fileName)
        for folder in folders {
            if let path = folder.location(of: image), FileStatus(path)?.kind == .file { return path }
        }
        return nil
    }

    /// The name of a picture of which a format has the name without its extension; with `.jpg` where it is nowhere.
    func fileName(stem: String) -> String {
        let names = ["jpg", "png", "jpeg", "JPG", "webp"].map { "\(stem).\($0)" } + [stem]
        return names.first { path($0) != nil } ?? names[0]
    }

    /// The size of a picture; nil, and counted, when it is nowhere or cannot be read.
    func size(_ fileName: String, _ report: inout ConversionReport) throws -> PictureSize? {
        guard let path = path(fileName) else {
            report.add(
                "pictures whose size is not stated are not there: --images names the folder they lie in",
                count: 1)
            return nil
        }
        do { return try reader.size(path) } catch let error as any ReportedError {
            report.add("pictures cannot be read (\(error.subject): \(error.reason))", count: 1)
            return nil
        }
    }

    /// The size of a picture in memory; nil when it cannot be read.
    func size(of bytes: [UInt8], _ report: inout ConversionReport) throws -> PictureSize? {
        do { return try reader.sizeOfBytes(bytes) } catch let error as any ReportedError {
            report.add("pictures inside the files cannot be read (\(error.reason))", count: 1)
            return nil
        }
    }
}
