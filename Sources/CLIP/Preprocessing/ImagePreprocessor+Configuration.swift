import Foundation
import Imaging
import Support
import WeightFiles

extension ImagePreprocessor {
    /// Reads a Hugging Face `preprocessor_config.json`, in its present and its older spellings.
    ///
    /// - Parameter path: The file, or the folder that holds it.
    /// - Throws: ``PreprocessingError`` with the path, when the file cannot be read or asks for something
    ///   unknown.
    public init(contentsOf path: String) throws {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let file = exists && isFolder.boolValue ? path + "/preprocessor_config.json" : path
        do {
            let data = try Data(contentsOf: URL(filePath: file))
            self = try Self.read(data.withUnsafeBytes { try JSONValue(parsing: $0) })
        } catch let error as PreprocessingError {
            throw PreprocessingError(file: file, reason: error.reason)
        } catch let error as JSONReader.Failure {
            throw PreprocessingError(file: file, reason: "byte \(error.position): \(error.reason)")
        } catch {
            throw PreprocessingError(file: file, reason: "cannot be read: \(error.localizedDescription)")
        }
    }

    private static func read(_ json: JSONValue) throws -> ImagePreprocessor {
        let crops = try json.flag("do_center_crop", default: true)
        let resizes = try json.flag("do_resize", default: true)
        let rescales = try json.flag("do_rescale", default: true)
        let normalizes = try json.flag("do_normalize", default: true)
        let crop = crops ? try size(json["crop_size"] ?? .integer(224), "crop_size") : nil
        let fitting: Fitting
        if resizes, case .object? = json["size"], json["size"]?["shortest_edge"] == nil {
            let exact = try size(json["size"], "size")
            guard crop == nil || crop == exact else {
                throw PreprocessingError(
                    reason: "a size of height and width with another crop_size is not supported")
            }
            fitting = .exact(exact)
        } else {
            let side = resizes ? try side(json["size"] ?? .integer(224)) : nil
            fitting = .centerCrop(shortestSide: side, crop: crop, rounding: .down)
        }
        return ImagePreprocessor(
            fitting: fitting, filter: try filter(json["resample"]), padding: .black,
            rescale: rescales ? try json["rescale_factor"]?.number("rescale_factor") ?? 1.0 / 255 : 1,
            mean: normalizes ? try json.numbers("image_mean") ?? clipMean : [0, 0, 0],
            standardDeviation: normalizes
                ? try json.numbers("image_std") ?? clipStandardDeviation : [1, 1, 1])
    }

    private static func side(_ json: JSONValue) throws -> Int {
        guard case .integer(let side) = json["shortest_edge"] ?? json, side > 0 else {
            throw PreprocessingError(reason: "size is \(json), not a number of pixels for the shortest edge")
        }
        return side
    }

    private static func size(_ json: JSONValue?, _ name: String) throws -> ImageSize {
        if case .integer(let side)? = json, side > 0 { return ImageSize(width: side, height: side) }
        guard case .integer(let width)? = json?["width"], case .integer(let height)? = json?["height"],
            width > 0,
            height > 0
        else { throw PreprocessingError(reason: "\(name) has no height and width of pixels") }
        return ImageSize(width: width, height: height)
    }

    /// Pillow's numbers for its filters.
    private static func filter(_ json: JSONValue?) throws -> ResamplingFilter {
        switch json {
        case nil, .integer(3): return .bicubic
        case .integer(1): return .lanczos
        case .integer(2): return .bilinear
        case .integer(4): return .box
        case let other?:
            throw PreprocessingError(
                reason:
                    "resample is \(other), but only 1 (Lanczos), 2 (bilinear), 3 (bicubic) and 4 (box) are known"
            )
        }
    }
}

extension JSONValue {
    fileprivate func flag(_ key: String, default value: Bool) throws -> Bool {
        switch self[key] {
        case nil: return value
        case .boolean(let flag): return flag
        case let other?: throw PreprocessingError(reason: "\(key) is \(other), not true or false")
        }
    }

    fileprivate func number(_ name: String) throws -> Double {
        switch self {
        case .integer(let value): return Double(value)
        case .real(let value) where value.isFinite: return value
        default: throw PreprocessingError(reason: "\(name) has \(self) in place of a number")
        }
    }

    fileprivate func numbers(_ key: String) throws -> [Double]? {
        guard let value = self[key] else { return nil }
        guard case .array(let list) = value, list.count == 3 else {
            throw PreprocessingError(reason: "\(key) is \(value), not three numbers")
        }
        return try list.map { try $0.number(key) }
    }
}
