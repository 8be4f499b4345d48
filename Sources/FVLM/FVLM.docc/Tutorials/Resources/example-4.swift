import FVLM

@main enum Finder {
    static func main() async throws {
        let detector = try Detector.load("Models/emoji-detector")

        var examples = ExampleCollector(detector)
        let box = Box(x1: 113, y1: 153, x2: 230, y2: 238)
        try examples.add(
            Image(contentsOf: "Examples/EmojiScenes/Samples/000009.jpg"), named: "000009.jpg",
            [ExampleBox(className: "our cheese", box: box)])

        let names = try ClassNames.list(contentsOf: "Examples/EmojiScenes/Samples/classes.txt")
        let words = try await detector.vocabulary(of: names.filter { $0 != "cheese wedge" })
        let vocabulary = try words.replacing(with: examples.vocabulary(beside: words))

        var options = detector.configuration.scoring
        options.scoreThreshold = 0.7
        let image = try Image(contentsOf: "Examples/EmojiScenes/Samples/000015.jpg")
            .resized(to: ImageSize(width: 640, height: 640))
        let found = try await detector.detect([image], vocabulary: vocabulary, options: options)
        for detection in found[0] {
            print(detection.label, detection.score, detection.detectorScore, detection.vlmScore)
        }
        try Annotator(maskOpacity: 0.2).draw(found[0], on: image).write(to: "runs/found.jpg")
    }
}
