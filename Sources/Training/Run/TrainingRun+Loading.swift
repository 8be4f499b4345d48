import CLIP
import COCO
import FVLM
import Foundation
import Support
import Torch
import WeightFiles

extension TrainingRun {
    static func loadCLIP(_ path: String, on device: Device) throws -> CLIPModel {
        do { return try CLIPModel.load(path, options: .init(device: device)) } catch {
            guard FileStatus(path) == nil else { throw error }
            throw TrainingError(
                "detector.clip",
                "there is no CLIP '\(path)': set it to the folder or file of a CLIP, or to the name of one in the "
                    + "Hugging Face cache", exitStatus: .failure)
        }
    }

    static func dataset(_ annotations: Dataset, _ configuration: TrainingConfiguration) throws
        -> TrainingDataset
    {
        let data = configuration.data
        var options = TrainingDataset.Options()
        options.classes = data.classes.map { .only($0) } ?? data.split.map { .split($0.classes) } ?? .all
        options.keepsImagesWithoutObjects = data.keepsEmptyImages
        options.usesMasks = configuration.detector.network.masks && data.masks
        let preprocessor = configuration.detector.preprocessor
        return try TrainingDataset(
            annotations, imagesIn: data.images, augmentation: augmentation(configuration),
            normalization: preprocessor.normalization, filter: preprocessor.filter, options: options,
            faults: DataFaults(data.faults, limit: data.faultLimit))
    }

    /// Omits the mask head if there is no mask to learn from.
    /// - Returns: Notes for the user.
    static func chooseMasks(
        for dataset: TrainingDataset, _ configuration: inout TrainingConfiguration
    )
        -> [String]
    {
        guard configuration.detector.network.masks else { return [] }
        let (masks, objects) = (dataset.summary.masks, dataset.summary.objects)
        guard configuration.data.masks, masks > 0 else {
            configuration.detector.network.masks = false
            return configuration.data.masks
                ? ["no object has a mask: a detector of boxes only is trained, without a mask head"] : []
        }
        guard masks < objects else { return [] }
        return ["\(objects - masks) of \(objects) objects have no mask: they train boxes and classes only"]
    }

    static func augmentation(_ configuration: TrainingConfiguration) -> Augmentation {
        let (input, data) = (configuration.detector.input, configuration.data)
        func fitted(_ sizes: [Int]) -> Augmentation.Resizing {
            switch input.fitting {
            case .square, .longestSide: .longestSide(choices: sizes)
            case .shortestSide: .shortestSide(choices: sizes, longestSide: input.longestSide)
            }
        }
        let resizing: Augmentation.Resizing =
            switch data.variation {
            case .none, .flip:
                input.fitting == .shortestSide ? fitted([input.size]) : .square(side: input.size)
            case .resize: fitted(data.sizes ?? [])
            case .jitter:
                .largeScaleJitter(
                    side: input.size, minimumScale: data.jitter[0], maximumScale: data.jitter[1])
            }
        return Augmentation(
            resizing: resizing, flipProbability: data.variation == .none ? 0 : 0.5,
            colorJitter: data.colors == ColorJitter() ? nil : data.colors)
    }

    /// The classes of the annotations, or of the configured vocabulary, with their embeddings.
    static func vocabulary(
        _ configuration: TrainingConfiguration, _ clip: CLIPModel, _ annotations: Dataset,
        _ dataset: TrainingDataset
    ) throws -> Vocabulary {
        let trained = Set(dataset.classNames.map(ClassNames.key))
        func split(_ name: String) -> Vocabulary.Class.Split {
            trained.contains(ClassNames.key(name)) ? .base : .novel
        }
        if let path = configuration.texts.vocabulary {
            let given = try Vocabulary(contentsOf: path)
            let ids = Dictionary(
                try dataset.vocabularyCategories(annotations.categories).map {
                    (ClassNames.key($0.name), $0.id)
                }, uniquingKeysWith: { first, _ in first })
            func id(_ entry: Vocabulary.Class) -> Int64? { ids[ClassNames.key(entry.name)] }
            // Ids of two data sets are unrelated: the training set's are used.
            let isOfDataset = given.classes.allSatisfy {
                guard let own = $0.categoryID, let id = id($0) else { return true }
                return own == id
            }
            // Trained classes are base unless the file states otherwise.
            return try Vocabulary(
                classes: given.classes.map {
                    Vocabulary.Class(
                        $0.name, synonyms: $0.synonyms, split: $0.split ?? split($0.name),
                        categoryID: id($0) ?? (isOfDataset ? $0.categoryID : nil))
                }, templates: given.templates, article: given.article, embeddings: given.embeddings,
                background: given.background, clip: given.clip)
        }
        let categories = try dataset.vocabularyCategories(annotations.categories)
        return try Vocabulary(
            encoding: categories.map {
                Vocabulary.Class($0.name, split: split($0.name), categoryID: $0.id)
            },
            templates: PromptTemplates(named: configuration.texts.templates),
            background: configuration.texts.background, with: clip, tokenizer: clip.tokenizer())
    }

    /// Loads initial weights.
    /// - Returns: Notes about weights that do not fit.
    static func loadInitialWeights(_ path: String?, into network: DetectorNetwork, seed: UInt64)
        throws
        -> [String]
    {
        guard let path else { return [] }
        let weights = try WeightFile.open(path)
        if let own = try UnwrappedWeights(weights, knownBy: ["fpn."]) {
            try network.store.load(own)
            return [own.note].compactMap(\.self)
        }
        let root = network.store.root
        var scopes: [Detectron2Checkpoint.Part: ParameterScope] = [
            .pyramid: root / "fpn", .proposals: root / "rpn_head", .boxHead: root / "box_head",
            .boxRegression: root,
        ]
        if network.architecture.maskHead != nil { scopes[.maskHead] = root / "mask_head" }
        let checkpoint =
            weights.keys.contains { $0.contains("neck.lateral_convs.") }
            ? try Detectron2Checkpoint(MMDetectionWeights(weights).detectron2)
            : try Detectron2Checkpoint(weights)
        let report = try checkpoint.load(
            scopes, classSpecific: .average, otherShapes: .reinitialize, seed: seed)
        return [checkpoint.note].compactMap(\.self) + ["\(path): \(report)"]
    }
}

extension ClassNames {
    /// The comparison key of a name: equal for names that are the same to the text tower.
    static func key(_ name: String) -> String { readable(name).lowercased() }
}

extension Vocabulary {
    /// The classes with these names, in this order and spelled this way. Names match if they are the same to the text
    /// tower, such as `red_apple` and `red apple`.
    /// - Throws: `CLIPError` listing the missing names.
    func selecting(_ names: [String]) throws -> Vocabulary {
        let places = Dictionary(
            classes.enumerated().map { (ClassNames.key($1.name), $0) },
            uniquingKeysWith: { first, _ in first })
        let missing = names.filter { places[ClassNames.key($0)] == nil }
        guard missing.isEmpty else {
            throw CLIPError(
                "vocabulary",
                reason:
                    "lacks \(missing.count) classes of the data: \(missing.prefix(8).joined(separator: ", "))"
            )
        }
        let rows = names.compactMap { places[ClassNames.key($0)] }
        return try Vocabulary(
            classes: zip(names, rows).map { name, row in
                var entry = classes[row]
                entry.name = name
                return entry
            }, templates: templates, article: article, embeddings: embeddings.indexSelected(0, Tensor(rows)),
            background: background, clip: clip)
    }
}
