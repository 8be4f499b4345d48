import ArgumentParser
import Support

/// An option that a command does not have.
///
/// The parser checks for missing options first, so `--modle` would be reported as a missing `--model`. After a failed
/// parse, this finds the mistyped option.
struct MistypedOption {
    /// The command that was named.
    let command: any ParsableCommand.Type

    /// What is wrong, and which option was probably meant.
    let message: String

    /// Finds the first mistyped option in the arguments; nil if there is none.
    init?(in arguments: [String], of root: any ParsableCommand.Type) {
        var command = root
        var rest = arguments[...]
        while let name = rest.first,
            let next = command.configuration.subcommands.first(where: { $0.configuration.commandName == name }
            )
        {
            command = next
            rest = rest.dropFirst()
        }
        let known = Set(
            root.helpMessage(for: command, columns: 1000).matches(of: /--[a-z][a-z0-9-]*/).map {
                String($0.output)
            })
        let given = rest.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }.map { $0.prefix { $0 != "=" } }
        guard let option = given.first(where: { !known.contains(String($0)) }).map(String.init) else {
            return nil
        }
        self.command = command
        let nearest = known.sorted().min { option.editDistance(to: $0) < option.editDistance(to: $1) }
        let suggestion = nearest.flatMap { option.editDistance(to: $0) <= 3 ? " Did you mean '\($0)'?" : nil }
        message = "Unknown option '\(option)'.\(suggestion ?? "")"
    }
}
