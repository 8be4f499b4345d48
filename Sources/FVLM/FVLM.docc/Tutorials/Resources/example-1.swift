import FVLM

@main enum Finder {
    static func main() async throws {
        let detector = try Detector.load("Models/emoji-detector")
    }
}
