import FVLM

@main enum Finder {
    static func main() async throws {
        let detector = try Detector.load("Models/emoji-detector")
        let vocabulary = try await detector.vocabulary(of: [
            "hammer", "avocado", "sailboat", "red apple", "trumpet", "ping pong",
            "chicken", "pencil", "bicycle", "watch", "balloon", "lemon",
        ])

        var options = detector.configuration.scoring
        options.scoreThreshold = 0.7
        let image = try Image(contentsOf: "Examples/EmojiScenes/Samples/000011.jpg")
            .resized(to: ImageSize(width: 640, height: 640))
        let found = try await detector.detect([image], vocabulary: vocabulary, options: options)
        for detection in found[0] {
            print(detection.label, detection.score, detection.box.x1, detection.box.y1)
        }
        try Annotator(maskOpacity: 0.2).draw(found[0], on: image).write(to: "runs/found.jpg")
    }
}
