import Support
import Foundation
import Testing

/// Settings of every kind that a configuration can have.
struct SampleSettings: SettingsDescription, Equatable {
    enum Color: String, Codable, CaseIterable { case red, green }
    struct Warmup: SettingsGroup, Equatable {
        var steps = 10
        var factor = 0.5
    }
    struct Part: Codable, Equatable {
        var size = 224.0
        var color = Color.red
        var other: Color?
        var isOn = false
        var counts = [1, 2]
    }
    var file = "a.txt"
    var model: String?
    var templates: String? = "single"
    var limit: Int?
    var rate = 1e-4
    var seed: UInt64 = 0
    var warmup: Warmup?
    var part = Part()

    static let pathSettings: [String: PathSetting] = [
        "file": .path, "model": .path, "templates": .pathOrName,
    ]
    static let formerNulls: [String: Set<String>] = ["limit": ["0"]]
}

@Suite struct ConfigurationOverlayTests {
    private func sample(_ yaml: String = "", settings: [String] = [], folder: String? = nil) throws
        -> SampleSettings
    {
        var overlay = try ConfigurationOverlay(SampleSettings())
        try overlay.apply(yaml: yaml, origin: "a.yaml", pathsFrom: folder)
        try overlay.apply(settings: settings)
        return try overlay.value(origin: "a.yaml")
    }

    @Test func whatIsNotSaidKeepsItsDefault() throws {
        #expect(try sample() == SampleSettings())
        #expect(try sample("# nothing\n") == SampleSettings())
        // A group whose keys are all commented out.
        #expect(try sample("part:\n") == SampleSettings())
        var expected = SampleSettings()
        expected.part.size = 12.5
        expected.part.color = .green
        expected.limit = 3
        #expect(try sample("part: {size: 12.5, color: green}\nlimit: 3") == expected)
        #expect(try sample(settings: ["part.size=12.5", "part.color=green", "limit=3"]) == expected)
    }

    @Test func nullIsNull() throws {
        #expect(try sample("templates: null").templates == nil)
        #expect(try sample("templates: ~").templates == nil)
        #expect(try sample("templates: 'null'").templates == "null")
        #expect(try sample(settings: ["templates="]).templates == nil)
        #expect(try sample("model: x", settings: ["model=null"]).model == nil)
        #expect(throws: ConfigurationError.self) { try sample("rate: null") }
        #expect(throws: ConfigurationError.self) { try sample("file: ~") }
    }

    @Test func formerSpellingsOfNullAreReadWithANote() throws {
        var overlay = try ConfigurationOverlay(SampleSettings())
        try overlay.apply(yaml: "limit: 0\nmodel: ''\nseed: 0", origin: "old.yaml")
        let value = try overlay.value()
        #expect(value.limit == nil && value.model == nil && value.seed == 0)
        #expect(
            overlay.notes == [
                "old.yaml: read 'limit: 0', 'model: \"\"' as null, the current spelling"
            ])
    }

    @Test func anOptionalGroupTakesItsOtherKeysFromItsDefaults() throws {
        #expect(try sample("warmup: {steps: 3}").warmup == .init(steps: 3, factor: 0.5))
        #expect(try sample("warmup: null").warmup == nil)
        let error = try #require(throws: ConfigurationError.self) { try sample("warmup: {stepps: 3}") }
        #expect(error.description == "a.yaml: line 1: warmup.stepps: is unknown; did you mean 'steps'?")
    }

    @Test(arguments: [
        ("part:\n  color: blue", "a.yaml: line 2: part.color: must be one of red, green, not 'blue'"),
        ("part: {other: blue}", "a.yaml: line 1: part.other: must be one of red, green, not 'blue'"),
        ("part: {sise: 1}", "a.yaml: line 1: part.sise: is unknown; did you mean 'size'?"),
        ("part: 3", "a.yaml: line 1: part: must be keys with values (size, color, other, isOn, counts)"),
        ("part: {isOn: maybe}", "a.yaml: line 1: part.isOn: must be true or false, not 'maybe'"),
        ("part: {counts: [1, two]}", "a.yaml: line 1: part.counts[1]: must be a whole number, not 'two'"),
        ("part: {counts: 1}", "a.yaml: line 1: part.counts: must be a list, such as [1, 2], not '1'"),
        ("limit: 1.5", "a.yaml: line 1: limit: must be a whole number, not '1.5'"),
        ("seed: -1", "a.yaml: line 1: seed: must be from 0 to 18446744073709551615, not -1"),
        ("\nrate: fast", "a.yaml: line 2: rate: must be a number, not 'fast'"),
        ("file: [a, b]", "a.yaml: line 1: file: must be text, not a list"),
        ("limit: 1\nlimit: 2", "a.yaml: line 1: the group that starts here has 'limit' twice: keep one"),
        (
            "part:\n  size: 1\n\tisOn: true",
            "a.yaml: line 3: is not YAML: a tab indents this line; YAML indents with spaces"
        ),
        ("- 1\n- 2", "a.yaml: line 1: must be keys with values, such as 'input: {size: 640}'"),
    ])
    func mistakesAreNamed(_ text: String, _ message: String) throws {
        let error = try #require(throws: ConfigurationError.self) { try sample(text) }
        #expect(error.description == message)
    }

    @Test(arguments: [
        ("limit", "limit: must have the form key=value"), ("=3", "=3: must have the form key=value"),
        ("part.color=blue", "part.color: must be one of red, green, not 'blue'"),
        ("part.sise=3", "part.sise: is unknown; did you mean 'size'?"),
        ("file=[a", "file: '[a' is not YAML; put text into quotation marks"),
    ])
    func mistakesOfSingleSettingsAreNamed(_ setting: String, _ message: String) throws {
        let error = try #require(throws: ConfigurationError.self) { try sample(settings: [setting]) }
        #expect(error.description == message)
    }

    /// Paths of a file start from its folder, those of a command line from the working folder.
    @Test func pathsStartWhereTheyAreWritten() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data().write(to: folder.appending(path: "t.txt"))
        let here = folder.resolvingSymlinksInPath().path
        let there = try sample("file: gone.txt\nmodel: /x/y\ntemplates: t.txt", folder: here)
        #expect(there.file == here + "/gone.txt")
        #expect(there.model == "/x/y")
        #expect(there.templates == here + "/t.txt")
        #expect(try sample("templates: imagenet-80", folder: here).templates == "imagenet-80")
        #expect(try sample("templates: ../t.txt", folder: here + "/sub").templates == here + "/t.txt")
        // Without a folder, and where nothing is said, texts stay as they are.
        #expect(try sample("file: b.txt").file == "b.txt")
        #expect(try sample(folder: here).file == "a.txt")

        let working = FileManager.default.currentDirectoryPath
        #expect(try sample(settings: ["file=c.txt"]).file == working + "/c.txt")
        #expect(try sample(settings: ["templates=single"]).templates == "single")
        #expect(
            try sample(settings: ["templates=Package.swift"]).templates
                == (FileManager.default.fileExists(atPath: "Package.swift")
                    ? working + "/Package.swift" : "Package.swift"))
    }

    @Test func writtenAndReadAgainItIsTheSame() throws {
        var value = SampleSettings()
        value.file = "a: b #c \"d\"\n\u{1}"
        value.model = "yes"
        value.warmup = .init(steps: 1, factor: 2.5e-7)
        value.rate = 0.1 + 0.2
        value.seed = .max
        let text = try ConfigurationOverlay.text(of: value)
        #expect(try sample(text) == value)
        for word in ["", " ", "12", "1e3", "null", "~", "-", ".5", "[a]", "{a}", "a#b", "ä b", "../x-y", "@"]
        {
            value.file = word
            #expect(try sample(ConfigurationOverlay.text(of: value)).file == word, "'\(word)'")
        }
    }

    @Test func numbersAreWrittenAsPeopleWriteThem() throws {
        for (number, text) in [
            (224.0, "224"), (0.05, "0.05"), (1e-4, "1e-4"), (0.00025, "2.5e-4"), (-0.5, "-0.5"),
            (1e-10, "1e-10"), (0, "0"), (0.001, "0.001"), (1e20, "1e+20"),
            (0.0157321246656134, "0.0157321246656134"),
            (-0.0001, "-1e-4"), (1.5e-7, "1.5e-7"),
        ] {
            var value = SampleSettings()
            value.rate = number
            let lines = try ConfigurationOverlay.text(of: value).split(separator: "\n")
            #expect(lines.contains("rate: \(text)"), "\(number)")
            #expect(Double(text) == number)
        }
    }

    @Test func commentsSayWhatSettingsDo() throws {
        let text = try ConfigurationOverlay.text(
            of: SampleSettings(),
            documentation: ["SampleSettings.file": "The file.", "SampleSettings.Part.color": "The color."])
        #expect(text.hasPrefix("# The file.\nfile: a.txt\n"))
        #expect(text.contains("  # The color. One of: red, green.\n  color: red\n"))
        #expect(text.contains("  # One of: red, green, null.\n  other: null\n"))
        #expect(try sample(text) == SampleSettings())
    }
}
