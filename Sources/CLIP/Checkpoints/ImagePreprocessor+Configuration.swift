import Foundation
import Imaging
import Support

extension ImagePreprocessor {
    /// Reads a Hugging Face `preprocessor_config.json`, in its current or older spellings, or a `processor_config.json`
    /// that contains it as `image_processor`.
    ///
    /// - Parameter path: The file, or its folder.
    /// - Throws: ``CLIPError`` with the path if the file cannot be read or contains something unknown.
    public init(contentsOf path: String) throws {
        let isFolder = FileStatus(path)?.kind == .folder
        let file = try ConfigurationFile(
            contentsOf: isFolder ? Path.join(path, "preprocessor_config.json") : path)
        try self.init(file.has("image_processor") ? file.object("image_processor") : file)
    }

    private init(_ file: ConfigurationFile) throws {
        for key in ["image_processor_type", "feature_extractor_type"] {
            guard let kind = try file.text(key), !kind.hasPrefix("CLIP") else { continue }
            throw CLIPError(
                file.path, reason: "\"\(key)\" is \"\(kind)\", whose image preprocessing is not CLIP's")
        }
        for key in ["do_pad", "use_square_size"] { try file.refuse(key, unless: [.boolean(false)]) }
        let crops = try file.boolean("do_center_crop") ?? true
        let resizes = try file.boolean("do_resize") ?? true
        let rescales = try file.boolean("do_rescale") ?? true
        let normalizes = try file.boolean("do_normalize") ?? true
        let crop = crops ? try Self.size(file, "crop_size") ?? ImageSize(width: 224, height: 224) : nil
        let fitting: Fitting
        if resizes, file.isObject("size"), try !file.object("size").has("shortest_edge") {
            guard let exact = try Self.size(file, "size"), crop == nil || crop == exact else {
                throw CLIPError(
                    file.path,
                    reason: "a size of height and width with a different crop_size is not supported")
            }
            fitting = .exact(exact)
        } else {
            let side = resizes ? try Self.shortestEdge(file) ?? 224 : nil
            fitting = .centerCrop(shortestSide: side, crop: crop, rounding: .down)
        }
        let usual = PixelNormalization.clip
        self.init(
            fitting: fitting, filter: try Self.filter(file), padding: .black,
            rescale: rescales ? try file.number("rescale_factor") ?? 1.0 / 255 : 1,
            normalization: normalizes
                ? PixelNormalization(
                    mean: try Self.channels(file, "image_mean") ?? usual.mean,
                    standardDeviation: try Self.channels(file, "image_std") ?? usual.standardDeviation)
                : PixelNormalization(mean: [0, 0, 0], standardDeviation: [1, 1, 1]))
    }

    /// Reads the `preprocess_cfg` of an `open_clip_config.json`.
    /// - Parameter side: The side of the model's images, which takes precedence over a `size` in the file, as in
    ///   OpenCLIP.
    /// - Throws: ``CLIPError`` with the path for unsupported resizing.
    init(openCLIP path: String, side: Int) throws {
        let file = try ConfigurationFile(contentsOf: path).object("preprocess_cfg")
        try file.refuse("mode", unless: [.string("RGB")])
        self = .openAI(side: side)
        switch try file.text("resize_mode") ?? "shortest" {
        case "shortest": break
        case "squash": fitting = .exact(ImageSize(width: side, height: side))
        case let mode:
            throw CLIPError(
                path, reason: "\"preprocess_cfg.resize_mode\" is \"\(mode)\"; expected shortest or squash")
        }
        switch try file.text("interpolation") ?? "bicubic" {
        case "bicubic": break
        case "bilinear": filter = .bilinear
        case let name:
            throw CLIPError(
                path, reason: "\"preprocess_cfg.interpolation\" is \"\(name)\"; expected bicubic or bilinear")
        }
        if let mean = try Self.channels(file, "mean") { normalization.mean = mean }
        if let deviation = try Self.channels(file, "std") { normalization.standardDeviation = deviation }
    }

    private static func shortestEdge(_ file: ConfigurationFile) throws -> Int? {
        let side =
            file.isObject("size")
            ? try file.object("size").integer("shortest_edge") : try file.integer("size")
        guard let side else { return nil }
        guard side > 0 else {
            throw CLIPError(
                file.path, reason: "size is \(side), not a number of pixels for the shortest edge")
        }
        return side
    }

    /// One side, or height and width.
    private static func size(_ file: ConfigurationFile, _ key: String) throws -> ImageSize? {
        guard file.has(key) else { return nil }
        let size: (width: Int?, height: Int?)
        if file.isObject(key) {
            let sides = try file.object(key)
            size = (try sides.integer("width"), try sides.integer("height"))
        } else {
            let side = try file.integer(key)
            size = (side, side)
        }
        guard let width = size.width, let height = size.height, width > 0, height > 0 else {
            throw CLIPError(file.path, reason: "\(key) has no height and width of pixels")
        }
        return ImageSize(width: width, height: height)
    }

    private static func channels(_ file: ConfigurationFile, _ key: String) throws -> [Double]? {
        guard let numbers = try file.numbers(key) else { return nil }
        guard numbers.count == 3 else {
            throw CLIPError(file.path, reason: "\(key) is \(numbers), expected three numbers")
        }
        return numbers
    }

    /// Pillow's numbers for its filters.
    private static func filter(_ file: ConfigurationFile) throws -> ResamplingFilter {
        switch try file.integer("resample") {
        case nil, 3: return .bicubic
        case 1: return .lanczos
        case 2: return .bilinear
        case 4: return .box
        case let other?:
            throw CLIPError(
                file.path,
                reason:
                    "resample is \(other); expected 1 (Lanczos), 2 (bilinear), 3 (bicubic) or 4 (box)"
            )
        }
    }
}
