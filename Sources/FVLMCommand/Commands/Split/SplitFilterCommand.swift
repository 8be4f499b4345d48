import ArgumentParser
import COCO
import Foundation
import Support

/// `fvlm split filter`
struct SplitFilterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "filter",
        abstract: "Keeps some categories: those of a published split, of a frequency, or of a list.",
        discussion: """
            Examples:
              fvlm split filter instances_val2017.json --split ovd48-17 --part novel -o novel.json
              fvlm split filter lvis_v1_train.json --frequency common --frequency frequent -o base.json
              fvlm split filter my.json --category dog --category "hot dog" --drop-empty-images -o dogs.json
            """)

    /// The part of a published split.
    enum Part: String, ExpressibleByArgument, CaseIterable {
        case base
        case novel
        /// All categories of the split, which for COCO are 65 of 80.
        case all
    }

    /// LVIS's frequencies by name.
    enum Frequency: String, ExpressibleByArgument, CaseIterable {
        case rare
        case common
        case frequent

        var value: Category.Frequency {
            switch self {
            case .rare: .rare
            case .common: .common
            case .frequent: .frequent
            }
        }
    }

    @Argument(help: "The annotation file; - for standard input.", completion: .file())
    var annotations: String

    @Option(help: "A published split: ovd48-17 (COCO) or lvis-base-rare.")
    var split: OpenVocabularySplit?

    @Option(help: "The part of the split.")
    var part: Part?

    @Option(
        help: ArgumentHelp(
            "Categories of an LVIS frequency (repeatable). If the file does not state frequencies, its "
                + "images are counted."))
    var frequency: [Frequency] = []

    @Option(help: ArgumentHelp("The name of a category (repeatable).", valueName: "name"))
    var category: [String] = []

    @Option(help: ArgumentHelp("The id of a category (repeatable).", valueName: "id"))
    var categoryID: [Int64] = []

    @Option(
        help: ArgumentHelp("A text file with one category name per line.", valueName: "file"),
        completion: .file())
    var categoriesFile: String?

    @Flag(help: "Keep all other categories instead.")
    var exclude = false

    @Flag(help: "Drop images without annotations of these categories.")
    var dropEmptyImages = false

    @OptionGroup var output: SplitOutput

    func validate() throws {
        if annotations == "-", categoriesFile == "-" {
            throw ValidationError("standard input (-) can be read only once")
        }
    }

    func run() throws {
        let hasList = !category.isEmpty || !categoryID.isEmpty || categoriesFile != nil
        guard [split != nil, !frequency.isEmpty, hasList].count(where: \.self) == 1 else {
            throw ValidationError(
                "choose categories with --split, --frequency, or --category, --category-id and "
                    + "--categories-file")
        }
        guard (split == nil) == (part == nil) else {
            throw ValidationError("--split and --part (base, novel or all) must be used together")
        }
        try output.check([annotations, categoriesFile])
        var loaded = try LoadedDataset(contentsOf: annotations)
        var ids = try selection(loaded.dataset)
        if exclude { ids = Set(loaded.dataset.categories.map(\.id)).subtracting(ids) }
        let (dataset, report) = loaded.dataset.filtered(
            categoryIDs: ids, droppingEmptyImages: dropEmptyImages)
        loaded.dataset = Dataset()
        try output.write(dataset, reports: [loaded.report, report])
    }

    private func selection(_ dataset: Dataset) throws -> Set<Int64> {
        if let split {
            let parts = try split.parts(of: dataset)
            return Set(parts.filter { part == .all || $0.name == part?.rawValue }.flatMap(\.categoryIDs))
        }
        if !frequency.isEmpty {
            let (ids, areCounted) = dataset.categoryIDs(of: Set(frequency.map(\.value)))
            if areCounted {
                StandardError.note(
                    "not all categories state their frequency; it was computed from the images of this file")
            }
            return ids
        }
        var names = category
        if let categoriesFile { names += try NamesFile(contentsOf: categoriesFile).names }
        let known = Set(dataset.categories.map(\.id))
        let unknown = categoryID.filter { !known.contains($0) }
        guard unknown.isEmpty else {
            throw COCOError(
                "the file has no category with the id \(unknown.map(String.init).joined(separator: ", "))")
        }
        return try dataset.categoryIDs(named: names).union(categoryID)
    }
}

/// A text file with one name per line.
struct NamesFile {
    let names: [String]

    /// Reads the file; empty lines are skipped.
    init(contentsOf path: String) throws {
        names = try AnnotationFileError.text(contentsOf: path).split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        guard !names.isEmpty else { throw AnnotationFileError(file: path, reason: "contains no names") }
    }
}
