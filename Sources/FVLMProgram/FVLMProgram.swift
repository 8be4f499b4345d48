import FVLMCommand
import Foundation
import Support

/// The program `fvlm`: does what needs no networks and no pictures, and starts `fvlm-networks` for the rest.
@main
enum FVLMProgram {
    static func main() async {
        StandardStreams.prepare()
        if let command = delegated(ProcessWords.arguments) {
            StandardError.style = MessageStyle(arguments: ProcessWords.arguments)
            StandardError.fail("\(Sibling.start(for: command))")
            exit(1)
        }
        await ProgramRun(FVLMTool.self).main { "\(Sibling.start(for: $0.name))" }
    }

    /// What the sibling must do, known before the arguments are parsed: one of its commands or help for one, or what
    /// describes all commands with their options.
    private static func delegated(_ arguments: [String]) -> String? {
        let words = arguments.first == "help" ? arguments.dropFirst() : arguments[...]
        guard let first = words.first else { return nil }
        if first.hasPrefix("--generate-completion-script") || first == "--experimental-dump-help" {
            return first
        }
        return CommandEntry(named: first).flatMap { $0.isElsewhere ? $0.name : nil }
    }
}
