import CLIP
import Foundation
import Imaging
import Support
import Torch
import WeightFiles

/// What a detector saw in many pictures, on the disk: possible objects that can be searched by words and by examples
/// without the network.
///
/// A folder with `index.json`, which says what made it, and shards: safetensors files with the embeddings of both towers as
/// halves, of length 1, mapped when they are read. A region takes 4 bytes for each number of an embedding's width and 20
/// more.
///
/// ```swift
/// let index = try RegionIndex(contentsOf: "index")
/// let hits = try index.search(vocabulary, with: detector)
/// for hit in hits { print(index.pictures[hit.picture].path, hit.label, hit.score, hit.box) }
/// ```
public struct RegionIndex: Sendable {
    /// What made an index. All of it must be the same to add pictures.
    public struct Identity: Codable, Sendable, Hashable {
        /// A digest of the detector's trained weights.
        public var detector: String
        /// The identity of its CLIP.
        public var clip: String
        /// The settings that say how pictures and regions are seen, as YAML.
        public var settings: String
        /// The width of embeddings.
        public var width: Int
        /// The regions kept of each picture, those that look most like an object; 0: all.
        public var regions: Int
    }

    /// A picture of the index.
    public struct Picture: Codable, Sendable, Hashable {
        /// The absolute path.
        public var path: String
        /// The SHA-256 of the file.
        public var sha256: String
        /// The width of the upright picture.
        public var width: Int
        /// Its height.
        public var height: Int
        /// The number of its regions.
        public var regions: Int
    }

    /// A part of the index in one file.
    struct Shard: Sendable {
        let detector: StoredTensor
        let vlm: StoredTensor?
        let boxes: [Float]
        let objectness: [Float]
        /// CLIP's embeddings of whole pictures, [P, E] float16; nil if they were not made.
        let wholes: StoredTensor?
        /// The first picture's place among all.
        let firstPicture: Int
        /// The picture of each region, counted from ``firstPicture``.
        let pictureOfRow: [Int32]

        var count: Int { objectness.count }
    }

    /// The folder.
    public let folder: String

    /// What made it.
    public let identity: Identity

    /// The detector's folder when the index was made; nil if that is not known.
    public let model: String?

    /// The pictures, in the order in which they were added.
    public let pictures: [Picture]

    let shards: [Shard]

    /// The number of regions of all pictures.
    public var regionCount: Int { shards.reduce(0) { $0 + $1.count } }

    /// The number of bytes of the shards' embeddings.
    public var embeddingBytes: Int {
        shards.reduce(0) { $0 + $1.detector.byteCount + ($1.vlm?.byteCount ?? 0) }
    }

    /// The file that says what made an index.
    struct Header: Codable {
        static let format = "fvlm-index"
        var format = Self.format
        var version = 1
        var identity: Identity
        var model: String?
    }

    static func headerPath(_ folder: String) -> String { Path.join(folder, "index.json") }

    /// Reads `index.json`.
    static func header(in folder: String) throws -> Header {
        let path = headerPath(folder)
        guard FileStatus(path) != nil else {
            throw DetectionError(
                folder,
                FileStatus(folder) == nil
                    ? "there is no such folder; make an index with fvlm index"
                    : "is not an index: it contains no index.json")
        }
        let bytes = try FileBytes(contentsOf: path, access: .read).array
        guard let header: Header = try? JSONText.value(of: bytes),
            header.format == Header.format
        else { throw DetectionError(path, "is not the description of an index") }
        guard header.version == 1 else {
            throw DetectionError(path, "is of version \(header.version); supported is 1")
        }
        return header
    }

    /// The shards in a folder, in order.
    static func shardNames(in folder: String) throws -> [String] {
        try Folder.names(in: folder).filter { $0.hasPrefix("shard-") && $0.hasSuffix(".safetensors") }
    }

    /// Opens an index; embeddings stay on the disk until they are searched.
    /// - Throws: `DetectionError` with the path for a folder that is no index or whose files do not fit together;
    ///   `WeightFileError`.
    public init(contentsOf folder: String) throws {
        let header = try Self.header(in: folder)
        var pictures: [Picture] = []
        var shards: [Shard] = []
        for name in try Self.shardNames(in: folder) {
            let (shard, own) = try Self.shard(
                Path.join(folder, name), header.identity, firstPicture: pictures.count)
            shards.append(shard)
            pictures += own
        }
        self.folder = folder
        identity = header.identity
        model = header.model
        self.pictures = pictures
        self.shards = shards
    }

    /// The key of a shard's list of pictures in its metadata.
    static let picturesKey = "pictures"

    /// The pictures of a shard.
    static func pictures(of file: Safetensors, _ path: String) throws -> [Picture] {
        guard file.metadata["format"] == Header.format,
            let pictures: [Picture] = try? JSONText.value(of: Array((file.metadata[picturesKey] ?? "").utf8))
        else { throw DetectionError(path, "is not a part of an index") }
        return pictures
    }

    private static func shard(_ path: String, _ identity: Identity, firstPicture: Int) throws -> (
        Shard, [Picture]
    ) {
        let file = try Safetensors(contentsOf: path)
        let pictures = try pictures(of: file, path)
        let count = pictures.reduce(0) { $0 + $1.regions }
        func halves(_ name: String, _ rows: Int) throws -> StoredTensor {
            let stored = try file.tensor(named: name)
            guard stored.dtype == .float16, stored.shape == [rows, identity.width], stored.isContiguous,
                stored.isAligned
            else {
                throw DetectionError(
                    path,
                    "'\(name)' is \(stored.dtype) \(stored.shape), not float16 [\(rows), \(identity.width)]")
            }
            return stored
        }
        func floats(_ name: String, _ shape: [Int]) throws -> [Float] {
            let stored = try file.tensor(named: name)
            guard stored.dtype == .float32, stored.shape == shape else {
                throw DetectionError(
                    path, "'\(name)' is \(stored.dtype) \(stored.shape), not float32 \(shape)")
            }
            return try Tensor(stored).array(of: Float.self)
        }
        let hasVLM = file.keys.contains("vlm")
        let shard = Shard(
            detector: try halves("detector", count), vlm: hasVLM ? try halves("vlm", count) : nil,
            boxes: try floats("boxes", [count, 4]), objectness: try floats("objectness", [count]),
            wholes: file.keys.contains("wholes") ? try halves("wholes", pictures.count) : nil,
            firstPicture: firstPicture,
            pictureOfRow: pictures.enumerated().flatMap {
                [Int32](repeating: Int32($0.offset), count: $0.element.regions)
            })
        return (shard, pictures)
    }

    /// Refuses a detector other than the one that made the index.
    /// - Throws: `DetectionError`, which says what differs.
    public func check(_ detector: Detector, options: ScoringOptions? = nil) throws {
        try identity.check(
            try Identity(detector, options ?? detector.configuration.scoring, regions: identity.regions),
            folder)
    }
}

extension RegionIndex.Identity {
    /// The identity of what a detector writes.
    /// - Throws: `TorchError`.
    public init(_ detector: Detector, _ options: ScoringOptions, regions: Int) throws {
        var configuration = detector.configuration
        configuration.clip = ""
        configuration.learning = .init()
        var scoring = ScoringOptions()
        scoring.scorer = options.scorer
        scoring.vlmRegions = options.vlmRegions
        scoring.vlmScales = options.vlmScales
        scoring.vlmScalesPerRegion = options.vlmScalesPerRegion
        scoring.vlmObjectSize = options.vlmObjectSize
        scoring.vlmDense = options.vlmDense
        configuration.scoring = scoring
        self.init(
            detector: try detector.network.store.digest(), clip: detector.identity.description,
            settings: try configuration.yaml(), width: detector.clip.configuration.embeddingWidth,
            regions: regions)
    }

    /// - Throws: `DetectionError` unless another identity is the same.
    func check(_ other: Self, _ folder: String) throws {
        let difference: String? =
            clip != other.clip
            ? "another CLIP (\(clip); this one is \(other.clip))"
            : detector != other.detector
                ? "another detector (weights \(detector); these are \(other.detector))"
                : settings != other.settings
                    ? "other settings of pictures or regions" + Self.firstDifference(settings, other.settings)
                    : regions != other.regions
                        ? "\(regions) regions of each picture, not \(other.regions)" : nil
        guard let difference else { return }
        throw DetectionError(
            folder, "was made with \(difference): use that, or make an index of its own in another folder")
    }

    private static func firstDifference(_ one: String, _ other: String) -> String {
        let lines = zip(
            one.split(separator: "\n", omittingEmptySubsequences: false),
            other.split(separator: "\n", omittingEmptySubsequences: false))
        guard let (first, second) = lines.first(where: { $0 != $1 }) else { return "" }
        return " ('\(first.trimmingCharacters(in: .whitespaces))', not "
            + "'\(second.trimmingCharacters(in: .whitespaces))')"
    }
}
