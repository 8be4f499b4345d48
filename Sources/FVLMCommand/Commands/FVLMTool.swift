import ArgumentParser

/// `fvlm`: the commands that need neither networks nor pictures, plus help entries for the others.
///
/// The others are in the program `fvlm-networks`, which ``Sibling`` starts: loading libtorch and libvips takes longer
/// than most of the work that does without them.
package struct FVLMTool: AsyncParsableCommand {
    package static let configuration = CommandConfiguration.fvlm()

    package init() {}
}

extension CommandConfiguration {
    /// The root of the command line, the same in both programs.
    ///
    /// - Parameter commands: The commands that the program has in addition to those of this module. A command that
    ///   neither has is listed, and throws ``CommandElsewhere`` when run.
    package static func fvlm(with commands: [any ParsableCommand.Type] = []) -> CommandConfiguration {
        let own: [any ParsableCommand.Type] = [
            ScoreCommand.self, AnalyzeCommand.self, CheckDatasetCommand.self, ConvertDatasetCommand.self,
            SplitCommand.self,
            InspectCommand.self, MergeResultsCommand.self,
        ]
        let listed: [any ParsableCommand.Type] = [
            Listed.Detect.self, Listed.Track.self, Listed.Evaluate.self, Listed.Calibrate.self,
            Listed.Index.self,
            Listed.Search.self, Listed.Serve.self,
            Listed.Train.self, Listed.Cache.self,
            Listed.Embed.self,
            Listed.Vocabulary.self, Listed.Convert.self, Listed.Doctor.self,
        ]
        let types = Dictionary(
            (commands + own + listed).map { ($0.configuration.commandName ?? "", $0) },
            uniquingKeysWith: { first, _ in first })
        return CommandConfiguration(
            commandName: "fvlm",
            abstract: "Finds objects of any named class in pictures; trains and measures such detectors.",
            discussion: "fvlm help topics lists texts about vocabularies, data sets, training and more.",
            version: "0.1.0",
            groupedSubcommands: CommandEntry.groups.map { title, entries in
                CommandGroup(name: title, subcommands: entries.compactMap { types[$0.name] })
            })
    }

    /// The configuration of a command of `fvlm --help`.
    package init(_ entry: CommandEntry, discussion: String = "", subcommands: [any ParsableCommand.Type] = [])
    {
        self.init(
            commandName: entry.name, abstract: entry.abstract, discussion: discussion,
            subcommands: subcommands)
    }
}
