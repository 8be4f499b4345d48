import COCO

/// Which classes of a data set are trained. Annotations of all others are removed.
enum ClassSelection: Sendable, Hashable {
    /// All classes.
    case all
    /// The base classes of a published split.
    case split(OpenVocabularySplit)
    /// The named classes.
    case only([String])
    /// All except the named classes.
    case excluding([String])

    /// The ids of the selected classes, in the data set's order, which is that of the training vocabulary.
    /// - Throws: ``TrainingError`` for an unknown class; `COCOError` if the data set lacks the classes of the split.
    func categoryIDs(in dataset: Dataset) throws -> [Int64] {
        let categories = dataset.categories
        let chosen: (COCO.Category) -> Bool
        switch self {
        case .all: chosen = { _ in true }
        case .split(let split):
            let base = Set(try split.parts(of: dataset)[0].categoryIDs)
            chosen = { base.contains($0.id) }
        case .only(let names):
            let wanted = try Self.checked(names, categories)
            chosen = { wanted.contains($0.name) }
        case .excluding(let names):
            let unwanted = try Self.checked(names, categories)
            chosen = { !unwanted.contains($0.name) }
        }
        let ids = categories.filter(chosen).map(\.id)
        guard !ids.isEmpty else {
            throw TrainingError("classes", "the selection leaves no class to train on")
        }
        return ids
    }

    private static func checked(_ names: [String], _ categories: [COCO.Category]) throws -> Set<String> {
        let known = Set(categories.map(\.name))
        let unknown = names.filter { !known.contains($0) }
        guard unknown.isEmpty else {
            throw TrainingError(
                "classes", "the annotations have no \(unknown.map { "'\($0)'" }.joined(separator: ", "))")
        }
        return Set(names)
    }
}
