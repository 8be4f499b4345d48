import ArgumentParser
import Foundation
import Support

/// Runs a program from its arguments to its exit status: 0, 64 for wrong usage, 65 for bad data, 1 for anything else.
package struct ProgramRun<Root: ParsableCommand>: Sendable {
    /// Creates a run of the commands below `root`.
    package init(_ root: Root.Type) {}

    /// Runs the command that the arguments name, then ends the program.
    ///
    /// Call ``StandardStreams/prepare()`` first, before any file is opened.
    ///
    /// - Parameter elsewhere: Runs a command that this program only lists and returns why that failed; nil reports that
    ///   the command is not built in.
    package func main(elsewhere: (@Sendable (CommandEntry) -> String)? = nil) async -> Never {
        StandardError.style = MessageStyle(arguments: ProcessWords.arguments)
        let start = ContinuousClock.now
        do {
            if let text = HelpTopic.text(of: ProcessWords.arguments) { succeed(text) }
            let arguments = FormerOption.replaced(in: ProcessWords.arguments, note: StandardError.note)
            var command = try Root.parseAsRoot(arguments)
            do {
                if var command = command as? any AsyncParsableCommand {
                    try await command.run()
                } else {
                    try command.run()
                }
            } catch let error as ValidationError {
                throw WrongUsage(message: error.message, command: type(of: command))
            }
            try StandardOutput.finish()
            if StandardError.style.isVerbose { StandardError.note(Self.effort(since: start)) }
            exit(0)
        } catch let error as CommandElsewhere {
            fail(
                elsewhere?(error.entry)
                    ?? "fvlm \(error.entry.name) needs libtorch, and this build does not include it (FVLM_WITHOUT_TORCH)",
                status: 1)
        } catch { end(with: error) }
    }

    /// The time and memory of the run.
    private static func effort(since start: ContinuousClock.Instant) -> String {
        let time = start.duration(to: .now)
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        let memory = ProcessMemory.peakBytes.map { ", \($0 >> 20) MB of memory at most" } ?? ""
        return "fvlm \(Root.configuration.version): \(NumberText.decimals(seconds, 2)) s\(memory)"
    }

    /// Wrong usage that is detected only when the command runs.
    private struct WrongUsage: Error {
        let message: String
        let command: any ParsableCommand.Type
    }

    private func end(with error: any Error) -> Never {
        if let wrong = error as? WrongUsage { fail(wrong) }
        if let error = error as? any ReportedError { fail("\(error)", status: error.exitStatus.rawValue) }
        let code = Root.exitCode(for: error)
        if code == .success { succeed(Root.fullMessage(for: error)) }
        if code == .validationFailure {
            let arguments = FormerOption.replaced(in: ProcessWords.arguments) { _ in }
            let mistyped = MistypedOption(in: arguments, of: Root.self)
            if let mistyped { fail(WrongUsage(message: mistyped.message, command: mistyped.command)) }
        }
        if !(error is ExitCode), code == .failure { fail(SystemErrorText(error).text, status: 1) }
        let text = Root.fullMessage(for: error)
        if !text.isEmpty { StandardError.write(text + "\n", level: "error") }
        exit(code.rawValue)
    }

    /// Prints the requested help or version and ends the program.
    private func succeed(_ text: String) -> Never {
        do {
            try StandardOutput.print(text)
            try StandardOutput.finish()
        } catch { fail("\(error)", status: 1) }
        exit(0)
    }

    private func fail(_ wrong: WrongUsage) -> Never {
        let usage = "Usage: \(Root.usageString(for: wrong.command))"
        if StandardError.style.format == .json {
            StandardError.fail("\(wrong.message)\n\(usage)")
        } else {
            StandardError.write("Error: \(wrong.message)\n\(usage)\n")
        }
        exit(ExitCode.validationFailure.rawValue)
    }

    private func fail(_ text: String, status: Int32) -> Never {
        StandardError.fail(text)
        exit(status)
    }
}
