import ArgumentParser
import CLIP
import DetectionResults
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support

/// `fvlm search`
struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .search,
        discussion: """
            Every region of the index is compared with every class and the background, by both towers, as fvlm detect \
            does; scores are those of a fresh detection, up to the rounding of the index to halves. Among several words \
            they compete, as classes of one detection: to ask for one thing among look-alikes, name these too.

            --words takes names, separated by commas; --examples takes vocabularies of fvlm vocabulary examples or build. \
            The model is that of the index, unless --model says where it is now.

            Only --masks and --sheet read pictures again, those that were found.

            Examples:
              fvlm search index --words "red bicycle" --top 20 --sheet found.html
              fvlm search index --examples mug.safetensors --json > mugs.jsonl
            """)

    @Argument(help: ArgumentHelp("The folder of the index.", valueName: "index"), completion: .directory)
    var index: String

    @Option(help: ArgumentHelp("What to look for, separated by commas.", valueName: "a, b, c"))
    var words: String?

    @Option(
        help: ArgumentHelp(
            "What to look for: a vocabulary, such as of fvlm vocabulary examples; may be repeated.",
            valueName: "file"), completion: .file())
    var examples: [String] = []

    @Option(
        help: "single, imagenet-80, or a file with one template per line ({} for the name).",
        completion: .file())
    var templates: String?

    @Option(help: "The number of regions to show of each class.")
    var top = 100

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The detector's folder, if it is not where it was.", valueName: "folder"),
        completion: .directory)
    var model: String?

    @Option(help: "Regions scoring at or below this are left out.")
    var scoreThreshold: Double?

    @OptionGroup var settings: SettingArguments

    @OptionGroup var threads: ThreadArguments

    @OptionGroup var messages: MessageArguments

    @Flag(help: "Print one JSON object per region and line.")
    var json = false

    @Flag(help: "Add masks, as compressed run lengths, to --json: reads the pictures found again.")
    var masks = false

    @Option(
        help: ArgumentHelp(
            "Write a page with the crops of the regions found: reads the pictures found.", valueName: "file"),
        completion: .file())
    var sheet: String?

    func validate() throws {
        if words == nil, examples.isEmpty {
            throw ValidationError("say what to look for: --words or --examples")
        }
        if top < 1 { throw ValidationError("--top must be at least 1") }
        if masks, !json { throw ValidationError("--masks needs --json, which they are written to") }
        if let scoreThreshold, !(0...1).contains(scoreThreshold) {
            throw ValidationError("--score-threshold must be from 0 to 1")
        }
        if templates != nil, words == nil {
            throw ValidationError("--templates is for --words; a vocabulary already has its prompts")
        }
    }

    func run() throws {
        let regions = try RegionIndex(contentsOf: index)
        try OutputGuard(examples + [index, templates], models: [model ?? regions.model].compactMap { $0 })
            .check(file: sheet)
        let detector = try loaded(regions)
        var options = detector.configuration.scoring
        options.scoreThreshold = scoreThreshold ?? 0
        let vocabulary = try vocabulary(detector)
        let start = ContinuousClock.now
        let hits = try regions.search(vocabulary, with: detector, options: options, top: top)
        let time = ContinuousClock.now - start
        let milliseconds = Double(time.components.attoseconds) / 1e15 + Double(time.components.seconds) * 1e3
        StandardError.note(
            "\(regions.regionCount) regions of \(regions.pictures.count) pictures searched in "
                + NumberText.decimals(milliseconds, 0) + " ms")
        try print(hits, regions, detector)
        if let sheet {
            try AtomicFile.write(SearchSheet(hits, of: regions, vocabulary.names).html(), to: sheet)
        }
    }

    private func loaded(_ regions: RegionIndex) throws -> Detector {
        try threads.apply()
        guard let folder = model ?? regions.model else {
            throw ValidationError("\(index) does not say where its detector is: --model")
        }
        var options = Detector.LoadingOptions()
        options.settings = settings.values
        options.note = { StandardError.note($0) }
        return try Detector.load(folder, options: options)
    }

    private func vocabulary(_ detector: Detector) throws -> Vocabulary {
        var parts = try examples.map { try Vocabulary(contentsOf: $0) }
        if let words {
            let names = words.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            try ClassNames.check(names)
            let templates =
                try templates.map { try PromptTemplates(named: $0) }
                ?? parts.first.map { try PromptTemplates(name: "vocabulary", $0.templates) } ?? .imageNet
            parts.append(
                try Vocabulary(
                    encoding: names.map { Vocabulary.Class($0) }, templates: templates,
                    article: parts.first?.article ?? .asWritten,
                    background: parts.first?.background?.phrase ?? "background", with: detector.clip,
                    tokenizer: detector.clip.tokenizer(), note: StandardError.note))
        }
        return try Vocabulary.merging(parts)
    }

    private struct Line: Encodable {
        let file: String
        let label: String
        let score: Float
        let box: [Double]
        let segmentation: CompressedMask?
    }

    private func print(_ hits: [RegionIndex.Hit], _ regions: RegionIndex, _ detector: Detector) throws {
        if json {
            let masks = masks ? try self.masks(of: hits, regions, detector) : [:]
            for (place, hit) in hits.enumerated() {
                let line = Line(
                    file: regions.pictures[hit.picture].path.displayedPath, label: hit.label,
                    score: hit.score,
                    box: hit.box.rounded, segmentation: masks[place])
                try StandardOutput.print(JSONText.line(line))
            }
            return
        }
        var rows = [["picture", "class", "box", "score"]]
        for hit in hits {
            rows.append([
                regions.pictures[hit.picture].path.displayedPath, hit.label,
                hit.box.rounded.map { NumberText.decimals($0, 0) }.joined(separator: " "),
                NumberText.decimals(Double(hit.score), 3),
            ])
        }
        try StandardOutput.print(
            hits.isEmpty ? "nothing found\n" : TextTable(rows, leftAligned: 3).text, terminator: "")
    }

    /// The masks of hits by their places: each picture found is read and seen once.
    private func masks(of hits: [RegionIndex.Hit], _ regions: RegionIndex, _ detector: Detector) throws
        -> [Int: CompressedMask]
    {
        guard detector.configuration.network.masks else {
            throw DetectionError("search", "this detector finds boxes only, no masks")
        }
        var result: [Int: CompressedMask] = [:]
        for (picture, places) in Dictionary(grouping: hits.indices, by: { hits[$0].picture }).sorted(by: {
            $0.key < $1.key
        }) {
            let image = try SearchSheet.image(regions.pictures[picture])
            let seen = try detector.encode([image], boxes: [places.map { hits[$0].box }])
            guard let masks = try seen.masks(ofPicture: 0) else { continue }
            for (place, mask) in zip(places, masks) { result[place] = try CompressedMask(mask) }
        }
        return result
    }
}
