import ArgumentParser

/// `fvlm split`: divides, merges and converts data sets.
struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .split,
        discussion: """
            Example:
              fvlm split filter instances_train2017.json --split ovd48-17 --part base -o base.json

            Everything that is omitted or changed is reported on standard error.
            """,
        subcommands: [
            SplitFilterCommand.self, SplitSubsampleCommand.self, SplitMergeCommand.self,
            SplitToYOLOCommand.self, SplitFromYOLOCommand.self, SplitLVISToCOCOCommand.self,
        ])
}
