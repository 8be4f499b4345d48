import FixtureSupport
import Testing

@testable import FVLMCommand

/// Options under their former names.
@Suite struct FormerOptionTests {
    private func replaced(_ line: String) -> (String, notes: Int) {
        var notes = 0
        let words = FormerOption.replaced(in: line.split(separator: " ").map(String.init)) { _ in notes += 1 }
        return (words.joined(separator: " "), notes)
    }

    @Test func formerNamesAreUnderstood() throws {
        #expect(replaced("split subsample a.json --images 3") == ("split subsample a.json --count 3", 1))
        #expect(replaced("score --classes=5 -g a") == ("score --class-rows=5 -g a", 1))
        #expect(replaced("vocabulary import a --phrase b") == ("vocabulary import a --background b", 1))
        // Where the name has this meaning, and behind the end of options.
        #expect(replaced("detect a.jpg --classes dog") == ("detect a.jpg --classes dog", 0))
        #expect(replaced("check-dataset -- --examples") == ("check-dataset -- --examples", 0))
        // The phrase of the background, unless there is such a file, as it was.
        let folder = try TemporaryFolder()
        let file = try folder.write("", "rows.npy")
        #expect(
            replaced("vocabulary import a --background nothing")
                == ("vocabulary import a --background nothing", 0))
        #expect(
            replaced("vocabulary import a --background \(file)")
                == ("vocabulary import a --background-file \(file)", 1))
    }

    @Test func theProgramSaysSo() throws {
        let run = try Program(["split", "subsample", "/nowhere.json", "--images", "3", "-o", "-"])
        #expect(run.status == 1 && run.errors.contains("/nowhere.json"))
        #expect(run.errors.contains("note: --images is called --count now"))
    }
}
