import FixtureSupport
import Testing

/// Who mistypes an option is told so, not that something is missing.
@Suite struct MistypedNetworkOptionTests {
    @Test(arguments: [
        ("detect a.jpg --modle x --classes a", "'--modle'. Did you mean '--model'?"),
        ("train a.yaml --outptu x", "'--outptu'. Did you mean '--output'?"),
        ("embed image a.jpg --model m --clases a", "'--clases'. Did you mean '--classes'?"),
        ("embed text a --model m --outptu=o", "'--outptu'. Did you mean '--output'?"),
        ("convert published a --otput x --clip b", "'--otput'. Did you mean '--output'?"),
        ("convert detectron2 --modle a --output b", "'--modle'. Did you mean '--model'?"),
        ("vocabulary build --clases a --model m --output o", "'--clases'. Did you mean '--classes'?"),
        ("vocabulary import a.npy --annotation a --model m --output o", "'--annotation'."),
        ("vocabulary merge a b --otput c", "'--otput'. Did you mean '--output'?"),
        ("cache a.yaml --views 2 --frobnicate x", "Unknown option '--frobnicate'."),
    ]) func theMistypedOptionIsNamed(_ line: String, _ message: String) throws {
        let run = try Program(line.split(separator: " ").map(String.init))
        #expect(run.status == 64 && run.errors.contains(message), "\(run.errors)")
        #expect(run.errors.contains("Usage: fvlm \(line.prefix { $0 != " " })"))
    }
}
