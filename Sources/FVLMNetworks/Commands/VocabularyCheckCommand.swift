import ArgumentParser
import CLIP
import FVLMCommand
import Foundation
import Support

/// `fvlm vocabulary check`
struct VocabularyCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Looks for names that a CLIP can hardly tell apart or read.",
        discussion: """
            Finds names that are nearly the same to the CLIP, pairs that contradict each other (with helmet, without \
            helmet), letters of other scripts, points and commas inside names and, with --model, names that the text \
            tower reads only in part. The exit status is 1 if something was found.

            Example:
              fvlm vocabulary check mine.safetensors --model clip-rn50
            """)

    @Argument(help: "The vocabulary.", completion: .file())
    var file: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The CLIP that made it, whose tokenizer tells which names are cut.", valueName: "path or name"),
        completion: .file())
    var model: String?

    @Option(help: "The cosine from which names count as nearly the same.")
    var bound = 0.95

    @Flag(help: "Print one JSON object per finding.")
    var json = false

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        if !(bound > 0 && bound <= 1) { throw ValidationError("--bound must be above 0 and at most 1") }
    }

    func run() async throws {
        let vocabulary = try Vocabulary(contentsOf: file)
        let clip = try model.map { try CLIPModel.load($0) }
        if let clip { try vocabulary.check(clip.identity()) }
        let check = try VocabularyCheck(
            vocabulary, nearness: bound, tokenizer: clip?.tokenizer(),
            contextLength: clip?.configuration.text.contextLength ?? 77)
        for finding in check.findings {
            if json {
                try StandardOutput.print(JSONText.line(finding))
            } else {
                let cosine = finding.cosine.map { String(format: " (cosine %.3f)", $0) } ?? ""
                try StandardOutput.print("\(finding.kind.rawValue): \(finding.text)\(cosine)")
            }
        }
        guard check.findings.isEmpty else { throw ExitCode.failure }
        if !json {
            try StandardOutput.print("\(file): nothing is doubtful about \(vocabulary.classes.count) names")
        }
    }
}
