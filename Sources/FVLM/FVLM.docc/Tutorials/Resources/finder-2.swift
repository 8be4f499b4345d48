import FVLM

@main enum Finder {
    static func main() async throws {
        let detector = try Detector.load("Models/emoji-detector")
        let vocabulary = try await detector.vocabulary(of: [
            "hammer", "avocado", "sailboat", "red apple", "trumpet", "ping pong",
            "chicken", "pencil", "bicycle", "watch", "balloon", "lemon",
        ])
    }
}
