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
    }
}
