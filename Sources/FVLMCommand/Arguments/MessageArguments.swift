import ArgumentParser
import Support

/// What a command writes to standard error.
///
/// ``ProgramRun`` takes the style from the words of the command line before they are parsed, so that a fault in them has it
/// too; these options are for the help, and for what a command itself says.
package struct MessageArguments: ParsableArguments {
    @Flag(help: "Write no notes and no progress; errors are written.")
    package var quiet = false

    @Flag(help: "Say more: what a detector is made of and its license, and the time and memory of the run.")
    package var verbose = false

    @Option(
        help: ArgumentHelp(
            "The form of messages on standard error: text, or json, an object a line.", valueName: "form"))
    package var logFormat = MessageStyle.Format.text

    package init() {}

    package func validate() throws {
        if quiet, verbose { throw ValidationError("--quiet excludes --verbose") }
    }
}

extension MessageStyle.Format: ExpressibleByArgument {}
