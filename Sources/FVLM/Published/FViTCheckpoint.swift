import CLIP
import RegionDetection
import Torch
import WeightFiles

/// A checkpoint of F-ViT (Wu et al., "CLIPSelf", 2024): an mmdet 2 file with the heads, the image tower that they were
/// trained on, and the embeddings of its classes.
///
/// Which classes were seen in training is not in the file, nor are the weights of the scores; ``ScoringOptions/fvit(_:)``
/// has those of the published configurations.
public struct FViTCheckpoint: Sendable {
    /// The licenses of the published files, which are kept with what is made of them.
    public static let license =
        "S-Lab License 1.0 (non-commercial use only), https://github.com/wusize/CLIPSelf; its trunk, where it is not "
        + "one of these files: MIT, https://huggingface.co/QuanSun/EVA-CLIP"

    /// The path of the file.
    public let origin: String

    /// The names of the classes in the order of `embeddings()`, as the file's `meta.CLASSES` has them; nil when it does
    /// not say.
    public let classNames: [String]?

    /// What was passed over and a user should know, a sentence each.
    public let notes: [String]

    private let weights: MMDetectionWeights

    /// Opens a `.pth` file; nothing in it is executed.
    /// - Throws: `WeightFileError`, `DetectionError` for a file of another detector.
    public init(contentsOf path: String) throws {
        let archive = try PyTorchArchive(contentsOf: path)
        let weights = try MMDetectionWeights(archive)
        origin = path
        self.weights = weights
        let wanted = ["visual.cls_token", "adapter.up4.0.weight", "temperature", "embeddings"]
        if let missing = wanted.first(where: { !weights.keys.contains($0) }) {
            let isMaskRCNN = weights.keys.contains("fpn.fpn_lateral2.weight")
            throw DetectionError(
                "FViTCheckpoint",
                "\(path) has no '\(missing)': it is "
                    + (isMaskRCNN
                        ? "a detector of mmdet, but no F-ViT; an ordinary Mask R-CNN's heads are initial weights "
                            + "for training (run.initialWeights)" : "incomplete, or no F-ViT"))
        }
        var names: [String]?
        switch archive.root["meta"]?["CLASSES"]?.content {
        case .tuple(let values)?, .list(let values)?: names = values.compactMap(\.string)
        default: names = nil
        }
        let embeddings = try weights.tensor(named: "embeddings").shape
        guard embeddings.count == 2, embeddings[1] > 1 else {
            throw DetectionError(
                "FViTCheckpoint", "\(path): the class embeddings are \(embeddings), not [E, classes + 1]")
        }
        var notes = weights.unused.map { what, keys in
            "\(keys.count) weights of \(what) are not used: \(keys.prefix(3).joined(separator: ", "))"
                + (keys.count > 3 ? ", …" : "")
        }
        if let found = names, found.count != embeddings[1] - 1 {
            notes.append(
                "the file names \(found.count) classes, but has embeddings of \(embeddings[1] - 1) and the "
                    + "background: the names are not taken")
            names = nil
        }
        if let note = weights.note { notes.append(note) }
        let rotary = weights.keys.count { CLIPCheckpoint.isRotaryTable($0) }
        if rotary > 0 { notes.append("\(rotary) tables of rotary positions are computed anew") }
        self.notes = notes
        classNames = names
    }

    /// The number of classes, without the background.
    /// - Throws: `WeightFileError`.
    public var classCount: Int { get throws { try weights.tensor(named: "embeddings").shape[1] - 1 } }

    // MARK: Configuration

    /// The configuration of the detector: its sizes from the shapes of its weights, the rest as published for a detector
    /// with these sizes.
    /// - Parameter clip: The trunk's architecture.
    /// - Throws: `ConfigurationError` for a trunk that is no EVA-02; `WeightFileError`.
    public func configuration(for clip: CLIPConfiguration) throws -> DetectorConfiguration {
        guard case .transformer(let tower) = clip.vision, tower.design == .eva02 else {
            throw ConfigurationError(key: "clip", reason: "\(origin) needs an EVA-02 CLIP as its trunk")
        }
        let isLarge = tower.patchSize != 16
        let hasMasks = weights.keys.contains { $0.hasPrefix("mask_head.") }
        let name = "fvit-\(hasMasks ? "lvis" : "coco")-\(isLarge ? "l14" : "b16")"
        var configuration = try DetectorConfiguration(preset: name)
        configuration.network.masks = hasMasks
        configuration.network.normalizesProposals = weights.keys.contains("rpn_head.conv1.norm.weight")
        configuration.network.width = try weights.tensor(named: "fpn.fpn_lateral2.weight").shape.first ?? 0
        configuration.network.hidden = try weights.tensor(named: "box_head.fc1.weight").shape.first ?? 0
        return configuration
    }

    // MARK: Use

    /// Sets the weights of a network of this checkpoint's ``configuration(for:)``: all of them, or none.
    /// - Throws: `WeightMismatch` that lists everything missing or of another shape; `WeightFileError`, `TorchError`.
    public func load(into network: DetectorNetwork) throws {
        let factor = try Tensor(weights.tensor(named: "temperature")).to(.float32).reshaped([]).item()
        guard factor.isFinite, factor > 0 else {
            throw DetectionError("FViTCheckpoint", "\(origin): the temperature \(factor) is not above 0")
        }
        let own = try weights.keys.compactMap { key -> StoredTensor? in
            if key.hasPrefix("visual.") || key == "embeddings" { return nil }
            guard key == "temperature" else { return try weights.tensor(named: key) }
            // The file's factor of cosines is what they are divided by here, once more divided by the fixed part.
            let value = Float(1 / (factor * network.architecture.temperatureScale))
            return try Tensor([value]).reshaped([]).stored(named: key)
        }
        try network.store.load(StoredTensors(own, origin: origin))
    }

    /// Compares the image tower in the file with a CLIP's.
    /// - Throws: `WeightFileError` that names the first difference: the detector was trained on another trunk.
    public func check(_ clip: CLIPModel) throws {
        func failure(_ key: String, _ reason: String) -> WeightFileError {
            WeightFileError(
                file: origin, place: "'\(weights.original(of: key) ?? key)'",
                reason: "\(reason): give the trunk that the detector was trained on")
        }
        let keys = weights.keys.filter { $0.hasPrefix("visual.") && !CLIPCheckpoint.isRotaryTable($0) }
        for key in keys {
            let stored = try weights.tensor(named: key)
            guard let parameter = clip.store[key] else {
                throw failure(key, "the trunk has no such weight, it is of another size or kind")
            }
            guard parameter.shape == stored.shape else {
                throw failure(key, "is \(stored.shape), in the trunk \(parameter.shape)")
            }
            // Trunks are often kept in half precision.
            let own = try parameter.value.to(.float32)
            let difference = try (Tensor(stored).to(.float32) - own).abs().max().item()
            guard difference <= 2e-3 * max(try own.abs().max().item(), 1) else {
                throw failure(key, "differs from the trunk's by \(difference)")
            }
        }
        let known = Set(keys)
        if let other = clip.store.parameters(under: "visual").first(where: { !known.contains($0.name) }) {
            throw failure(other.name, "is in the trunk, but not in the file, which is incomplete")
        }
    }

    /// The embeddings in the file as a vocabulary.
    /// - Parameters:
    ///   - names: Of the classes in the file's order.
    ///   - isBase: Which of them were seen in training; nil: that is not known.
    ///   - clip: The trunk that made them.
    /// - Throws: `CLIPError` when names and embeddings differ in number; `WeightFileError`, `TorchError`.
    public func vocabulary(names: [String], isBase: [Bool]?, clip: CLIPIdentity) throws -> Vocabulary {
        let rows = try Tensor(weights.tensor(named: "embeddings")).to(.float32).transposed(0, 1).contiguous()
        let count = rows.shape[0] - 1
        guard names.count == count, isBase.map({ $0.count == count }) ?? true else {
            throw CLIPError(
                origin, reason: "has embeddings of \(count) classes, there are \(names.count) names")
        }
        return try Vocabulary(
            classes: names.enumerated().map { place, name in
                Vocabulary.Class(name, split: isBase.map { $0[place] ? .base : .novel })
            },
            templates: [], embeddings: rows[0..<count],
            background: Vocabulary.Background(phrase: "background", embedding: rows[count]), clip: clip)
    }
}
