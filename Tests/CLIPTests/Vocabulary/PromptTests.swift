import FixtureSupport
import Foundation
import Testing

@testable import CLIP

@Suite struct PromptTests {
    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "fvlm-\(UUID().uuidString).txt")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        try body(file.path)
    }

    @Test func publishedTemplates() {
        let templates = PromptTemplates.imageNet.templates
        #expect(templates.count == 80)
        #expect(Set(templates).count == 80)
        #expect(templates.allSatisfy { $0.text.ranges(of: "{}").count == 1 })
        let prompts = PromptTemplates.imageNet.prompts(for: "apple")
        #expect(prompts.first == "a bad photo of a apple.")
        #expect(prompts.last == "a tattoo of the apple.")
        #expect(prompts.contains("a origami apple.") && prompts.contains("itap of my apple."))
        #expect(PromptTemplates.single.prompts(for: "dog") == ["a photo of a dog."])
    }

    @Test func articles() throws {
        let template = try PromptTemplate("a photo of a {}.")
        #expect(template.prompt(for: "apple") == "a photo of a apple.")
        #expect(template.prompt(for: "apple", article: .english) == "a photo of an apple.")
        #expect(template.prompt(for: "dog", article: .english) == "a photo of a dog.")
        #expect(try PromptTemplate("a {} here").prompt(for: "Owl", article: .english) == "an Owl here")
        #expect(try PromptTemplate("the pizza {}").prompt(for: "oven", article: .english) == "the pizza oven")
        #expect(try PromptTemplate("saga {}").prompt(for: "owl", article: .english) == "saga owl")
    }

    @Test func templatesNeedOnePlace() {
        #expect(throws: CLIPError.self) { try PromptTemplate("a photo of a cat") }
        #expect(throws: CLIPError.self) { try PromptTemplate("{} and {}") }
        #expect(throws: CLIPError.self) { try PromptTemplates(name: "none", []) }
        #expect(throws: CLIPError.self) { try PromptTemplates(name: "twice", ["{}", "{}"]) }
    }

    @Test func namesStayWhole() {
        #expect(ClassNames.readable("crane_(bird)") == "crane (bird)")
        #expect(ClassNames.readable("  hot-air_balloon ") == "hot-air balloon")
        #expect(ClassNames.readable("Dr. Pepper, diet") == "Dr. Pepper, diet")
        #expect(ClassNames.readable("___") == "")
    }

    /// One reader for every list of classes; line ends of all systems.
    @Test(arguments: ["\n", "\r\n", "\r"]) func listsOfClassesHaveSynonymsBehindTabs(_ end: String) throws {
        try withFile(["pig nose\tsnout\t muzzle", "# no class", "red apple"].joined(separator: end) + end) {
            path in
            let classes = try ClassNames.classes(contentsOf: path)
            #expect(classes == [.init("pig nose", synonyms: ["snout", "muzzle"]), .init("red apple")])
        }
        try withFile("cat\tkitten\nCat\tpuss\n") { path in
            let error = #expect(throws: CLIPError.self) { try ClassNames.classes(contentsOf: path) }
            #expect(error?.subject == path)
        }
    }

    /// A shell's process substitution is a pipe; files of other encodings are called so.
    @Test func listsComeThroughPipes() throws {
        func piped(_ text: String) throws -> (path: String, pipe: Pipe) {
            let pipe = Pipe()
            try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8))
            try pipe.fileHandleForWriting.close()
            return ("/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)", pipe)
        }
        let names = try piped("\u{FEFF}cat\ndog\n")
        #expect(try ClassNames.list(contentsOf: names.path) == ["cat", "dog"])
        let templates = try piped("the {}.\n")
        #expect(try PromptTemplates(named: templates.path).prompts(for: "cup") == ["the cup."])
        let folder = try TemporaryFolder()
        let wide = try folder.write([0xFF, 0xFE, 0x63, 0, 0x61, 0, 0x74, 0], "wide.txt")
        let error = #expect(throws: CLIPError.self) { try ClassNames.list(contentsOf: wide) }
        #expect(error?.description == "\(wide): is text in UTF-16, not UTF-8; save it as UTF-8")
    }

    @Test func filesOfNamesAndTemplates() throws {
        try withFile("# animals\ncat\n\n  Dr. Pepper, diet \ncrane_(bird)\r\n") { path in
            let names = try ClassNames.list(contentsOf: path)
            #expect(names == ["cat", "Dr. Pepper, diet", "crane_(bird)"])
        }
        try withFile("cat\nfire_hydrant\nFire hydrant\n") { path in
            let error = #expect(throws: CLIPError.self) { try ClassNames.list(contentsOf: path) }
            #expect(error?.subject == path)
            #expect(error?.reason.contains("2 ('fire_hydrant') and 3 ('Fire hydrant')") == true)
        }
        try withFile("# nothing\n") { path in
            #expect(throws: CLIPError.self) { try ClassNames.list(contentsOf: path) }
            #expect(throws: CLIPError.self) { try PromptTemplates(named: path) }
        }
        try withFile("a sketch of a {}.\na {}.\n") { path in
            let prompts = try PromptTemplates(named: path).prompts(for: "cup")
            #expect(prompts == ["a sketch of a cup.", "a cup."])
        }
        #expect(try PromptTemplates(named: "imagenet-80") == .imageNet)
        #expect(throws: CLIPError.self) { try PromptTemplates(named: "/nowhere") }
        #expect(throws: CLIPError.self) { try ClassNames.check(["cat", " _"]) }
    }
}
