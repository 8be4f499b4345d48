import FixtureSupport
import Foundation

/// All commands with their options, as the program describes them.
struct CommandTree {
    struct Option {
        let spellings: [String]
        /// The name of its value; nil for a flag.
        let value: String?
        let isRequired: Bool
        let completesFiles: Bool

        var name: String { spellings.last ?? "" }
    }

    struct Command {
        let path: [String]
        let discussion: String
        let options: [Option]
        let isLeaf: Bool

        var name: String { path.joined(separator: " ") }
    }

    var commands: [Command] = []

    init() throws {
        let run = try Program(["--experimental-dump-help"])
        let root = try JSONDecoder().decode(Description.self, from: Data(run.output.utf8)).command
        add(root, [])
    }

    private mutating func add(_ node: Node, _ path: [String]) {
        let subs = (node.subcommands ?? []).filter { $0.commandName != "help" && $0.shouldDisplay != false }
        let options = (node.arguments ?? []).compactMap { argument -> Option? in
            guard let names = argument.names else { return nil }
            let short = names.filter { $0.kind == "short" }.map { "-\($0.name)" }
            let long = names.filter { $0.kind != "short" }.map { "--\($0.name)" }
            return Option(
                spellings: short + long, value: argument.kind == "option" ? argument.valueName : nil,
                isRequired: !argument.isOptional,
                completesFiles: argument.completionKind?.keys.contains { ["file", "directory"].contains($0) }
                    ?? false)
        }
        commands.append(
            Command(path: path, discussion: node.discussion ?? "", options: options, isLeaf: subs.isEmpty))
        for sub in subs { add(sub, path + [sub.commandName]) }
    }

    private struct Description: Decodable { let command: Node }

    private struct Node: Decodable {
        let commandName: String
        let shouldDisplay: Bool?
        let discussion: String?
        let arguments: [Argument]?
        let subcommands: [Node]?
    }

    private struct Argument: Decodable {
        struct Name: Decodable {
            let kind: String
            let name: String
        }
        struct Anything: Decodable { init(from decoder: any Decoder) {} }

        let kind: String
        let names: [Name]?
        let valueName: String?
        let isOptional: Bool
        let completionKind: [String: Anything]?
    }
}
