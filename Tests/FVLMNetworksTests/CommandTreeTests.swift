import FixtureSupport
import Foundation
import Testing

/// What all commands have in common: names of options by one table, completions, and command lines in documents.
@Suite struct CommandTreeTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let tree = Result { try CommandTree() }

    private let commands: [CommandTree.Command]

    init() throws { commands = try Self.tree.get().commands }

    @Test func optionsAreThoseOfTheTable() throws {
        let table = try OptionTable(Self.root.appending(path: "Documentation/Commands.md"))
        var found: [String: OptionTable.Row] = [:]
        let leaves = commands.filter(\.isLeaf)
        for command in commands {
            for option in command.options where !["--help", "--version"].contains(option.name) {
                found[option.name, default: OptionTable.Row(spellings: option.spellings)].add(
                    option, of: command)
            }
        }
        for (name, row) in found {
            let listed = try #require(
                table.rows[name], "\(name) is not in the table: Tools/man-pages --options")
            #expect(listed.spellings == row.spellings, "\(name) is spelled in several ways")
            #expect(listed.values == row.values, "\(name)")
            let all = Set(leaves.map(\.name))
            #expect(listed.commands == (row.commands == all ? ["all"] : row.commands), "\(name)")
            #expect(!listed.meaning.isEmpty)
        }
        #expect(table.rows.keys.filter { found[$0] == nil } == [])
    }

    @Test func everyCommandHasTheOptionsOfMessages() {
        for command in commands where command.isLeaf {
            let names = Set(command.options.map(\.name))
            #expect(names.isSuperset(of: ["--quiet", "--verbose", "--log-format"]), "\(command.name)")
        }
    }

    @Test func filesAndFoldersAreCompleted() {
        for command in commands {
            for option in command.options
            where ["file", "folder", "path or name", "path"].contains(option.value) {
                #expect(option.completesFiles, "\(command.name) \(option.name)")
            }
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionsKnowEveryCommand(_ shell: String) throws {
        let run = try Program(["--generate-completion-script", shell])
        #expect(run.status == 0 && run.errors.isEmpty)
        for command in commands {
            let name = "_fvlm_" + command.path.map { $0.replacing("-", with: "_") }.joined(separator: "_")
            let word = command.path.last ?? "fvlm"
            #expect(
                run.output.contains(shell == "fish" ? word : name) || run.output.contains(word),
                "\(command.name)")
        }
    }

    /// Command lines of the documents and of the commands' own examples: the command exists, and has the options.
    @Test func commandLinesOfDocumentsAreUnderstood() throws {
        let folder = Self.root.appending(path: "Documentation")
        var texts = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".md") }
            .map { ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8)) }
        for name in ["README.md", "Examples/EmojiScenes/README.md"] {
            texts.append((name, try String(contentsOf: Self.root.appending(path: name), encoding: .utf8)))
        }
        texts += commands.map { ("help of \($0.name)", $0.discussion) }
        var count = 0
        for (name, text) in texts {
            for line in DocumentedLine.all(in: text) {
                count += 1
                let fault = line.fault(of: commands)
                #expect(fault == nil, "\(name): \(line.text): \(fault ?? "")")
            }
        }
        #expect(count > 120)
    }

    @Test func everyDocumentThatIsLinkedExists() throws {
        let folder = Self.root.appending(path: "Documentation")
        let pages = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
            $0.hasSuffix(".md")
        }
        let files =
            pages.map { folder.appending(path: $0) }
            + ["README.md", "CONTRIBUTING.md", "SECURITY.md", "Examples/EmojiScenes/README.md"].map {
                Self.root.appending(path: $0)
            }
        for file in files {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /\]\(([^)#\s]+)(#[^)]*)?\)/) {
                let target = String(match.output.1)
                guard !target.contains("://") else { continue }
                let path = file.deletingLastPathComponent().appending(path: target).path
                #expect(FileManager.default.fileExists(atPath: path), "\(file.lastPathComponent): \(target)")
            }
        }
    }
}
