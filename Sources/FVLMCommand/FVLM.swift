import ArgumentParser
import COCO
import Foundation

/// The command line of the package: one subcommand a file.
@main
struct FVLM: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fvlm",
        abstract: "Open-vocabulary object detection: data sets, evaluation, models.",
        subcommands: subcommandTypes)

    private static var subcommandTypes: [any ParsableCommand.Type] {
        var types: [any ParsableCommand.Type] = []
        #if FVLM_TORCH
            types += [
                DetectCommand.self, TrainCommand.self, CacheCommand.self, EvaluateCommand.self,
                EmbedCommand.self,
                VocabularyCommand.self, ConvertCommand.self, DoctorCommand.self,
            ]
        #endif
        return types + [ScoreCommand.self, CheckDatasetCommand.self, SplitCommand.self, InspectCommand.self]
    }

    /// Runs the command and ends with 0, 64 for wrong usage, 65 for bad data, 1 for anything else.
    static func main() async {
        do {
            var command = try parseAsRoot()
            do {
                if var command = command as? any AsyncParsableCommand {
                    try await command.run()
                } else {
                    try command.run()
                }
            } catch let error as ValidationError {
                exit(wrongUsage: error, of: type(of: command))
            }
        } catch {
            if exitCode(for: error) == .validationFailure,
                let mistyped = MistypedOption(in: Array(CommandLine.arguments.dropFirst()), of: Self.self)
            {
                exit(wrongUsage: ValidationError(mistyped.message), of: mistyped.command)
            }
            guard let status = CommandStatus(error) else { exit(withError: error) }
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            Foundation.exit(status.code)
        }
    }

    /// Ends as for wrong usage that parsing finds.
    private static func exit(wrongUsage error: ValidationError, of command: any ParsableCommand.Type) -> Never
    {
        let text = "\(_errorPrefix)\(error.message)\nUsage: \(usageString(for: command))\n"
        FileHandle.standardError.write(Data(text.utf8))
        Foundation.exit(ExitCode.validationFailure.rawValue)
    }
}
