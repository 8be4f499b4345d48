import FVLM

/// TenLines MODEL PICTURE CLASS...
@main enum TenLines {
    static func main() async throws {
        let words = Array(CommandLine.arguments.dropFirst())
        let detector = try Detector.load(words[0])
        let vocabulary = try await detector.vocabulary(of: Array(words.dropFirst(2)))
        let found = try await detector.detect([Image(contentsOf: words[1])], vocabulary: vocabulary)
        for detection in found[0] { print(detection.label, detection.score, detection.box) }
    }
}
