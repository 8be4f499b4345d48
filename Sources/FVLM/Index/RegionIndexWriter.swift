import CLIP
import Foundation
import Imaging
import Support
import Torch
import WeightFiles

/// Writes an index, or adds pictures to one: what is in it already is known and left out.
///
/// Pictures are gathered and written shard by shard, each whole or not at all; an interrupted run loses what was gathered
/// since the last.
public struct RegionIndexWriter {
    /// The folder.
    public let folder: String

    /// What the pictures are seen with.
    public let identity: RegionIndex.Identity

    /// The pictures that earlier runs have written, by path.
    public private(set) var known: [String: RegionIndex.Picture] = [:]

    /// The number of pictures in a shard.
    private let shardSize: Int
    private let lock: FolderLock
    private var next = 0
    private var pictures: [RegionIndex.Picture] = []
    private var parts: [(detector: Tensor, vlm: Tensor?, whole: Tensor?)] = []
    private var boxes: [Float] = []
    private var objectness: [Float] = []

    /// Opens an index for writing, and makes it if it is not there. No other run writes into it meanwhile.
    /// - Parameters:
    ///   - folder: The index's folder.
    ///   - detector: The detector whose regions are kept.
    ///   - regions: The regions kept of each picture, those that look most like an object; 0: all.
    ///   - options: How regions are seen; the configuration's by default.
    ///   - model: The detector's folder, for searches.
    ///   - shardSize: The number of pictures in a shard.
    /// - Throws: `DetectionError` for an index of another detector, `FileFailure`, `WeightFileError`.
    public init(
        folder: String, detector: Detector, regions: Int = 100, options: ScoringOptions? = nil,
        model: String? = nil, shardSize: Int = 128
    ) throws {
        lock = try FolderLock(making: folder)
        self.folder = folder
        self.shardSize = max(shardSize, 1)
        identity = try RegionIndex.Identity(
            detector, options ?? detector.configuration.scoring, regions: regions)
        if FileStatus(RegionIndex.headerPath(folder)) == nil {
            let others = try Folder.names(in: folder).filter { $0 != FolderLock.fileName }
            guard others.isEmpty else {
                throw DetectionError(
                    folder, "is not an index, and not empty ('\(others[0])'): name a new folder")
            }
            let header = RegionIndex.Header(identity: identity, model: model)
            try AtomicFile.write(JSONText.document(header) + "\n", to: RegionIndex.headerPath(folder))
        } else {
            try RegionIndex.header(in: folder).identity.check(identity, folder)
        }
        for name in try RegionIndex.shardNames(in: folder) {
            let path = Path.join(folder, name)
            for picture in try RegionIndex.pictures(of: Safetensors(contentsOf: path), path) {
                known[picture.path] = picture
            }
            // After a gap, which a deleted shard leaves, numbers go on.
            let number = Int(name.dropFirst("shard-".count).prefix { $0.isNumber }) ?? 0
            next = max(next, number + 1)
        }
    }

    /// Adds a picture.
    /// - Parameters:
    ///   - path: Its absolute path.
    ///   - sha256: Of its file.
    ///   - size: The size of the picture in pixels.
    ///   - regions: What was seen, the most object-like first.
    ///   - whole: CLIP's embedding of the whole picture, [E]; nil to leave it out. All pictures of an index or none.
    /// - Throws: `WeightFileError` when a shard cannot be written, `TorchError`.
    public mutating func add(
        _ path: String, sha256: String, size: ImageSize, _ regions: EncodedImages.Regions,
        whole: Tensor? = nil
    ) throws {
        let count = identity.regions == 0 ? regions.boxes.count : min(regions.boxes.count, identity.regions)
        func part(_ rows: Tensor) throws -> Tensor { try rows[0..<count].to(.float16).clone() }
        parts.append(
            (
                try part(regions.embeddings), try regions.vlmEmbeddings.map(part),
                try whole?.reshaped([1, identity.width]).to(device: .cpu).to(.float16)
            ))
        for box in regions.boxes[..<count] {
            boxes += [Float(box.x1), Float(box.y1), Float(box.x2), Float(box.y2)]
        }
        objectness += regions.objectness[..<count]
        pictures.append(
            RegionIndex.Picture(
                path: path, sha256: sha256, width: size.width, height: size.height, regions: count))
        if pictures.count >= shardSize { try write() }
    }

    /// Writes what was gathered.
    /// - Throws: `WeightFileError`, `TorchError`.
    public mutating func finish() throws { try write() }

    private mutating func write() throws {
        guard !pictures.isEmpty else { return }
        var tensors = [try Tensor.cat(parts.map(\.detector)).stored(named: "detector")]
        let vlm = parts.compactMap(\.vlm)
        if vlm.count == parts.count { tensors.append(try Tensor.cat(vlm).stored(named: "vlm")) }
        let wholes = parts.compactMap(\.whole)
        if wholes.count == parts.count { tensors.append(try Tensor.cat(wholes).stored(named: "wholes")) }
        tensors.append(try Tensor(boxes, shape: [objectness.count, 4]).stored(named: "boxes"))
        tensors.append(try Tensor(objectness, shape: [objectness.count]).stored(named: "objectness"))
        let number = String(next)
        let name = "shard-" + String(repeating: "0", count: max(6 - number.count, 0)) + number
        try Safetensors.write(
            tensors,
            metadata: [
                "format": RegionIndex.Header.format, RegionIndex.picturesKey: JSONText.line(pictures),
            ], to: Path.join(folder, name + ".safetensors"))
        next += 1
        for picture in pictures { known[picture.path] = picture }
        pictures = []
        parts = []
        boxes = []
        objectness = []
    }
}
