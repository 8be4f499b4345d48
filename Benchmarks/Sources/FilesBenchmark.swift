import ArgumentParser
import CLIP
import FVLM
import Foundation
import Imaging
import Support
import Torch
import WeightFiles

/// The cost of files: loading a checkpoint of 600 MB, and embedding pictures that are read ahead.
struct FilesBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "files", abstract: "Loading a large checkpoint; embedding pictures that are read ahead.")

    @Option(help: "The number of measurements of each.")
    var runs = 5

    @Option(help: "The number of pictures to embed.")
    var pictures = 100

    func run() async throws {
        let folder = URL.temporaryDirectory.appending(path: "fvlm-benchmark-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try loading(folder)
        try await reading(folder)
    }

    // MARK: Loading

    /// ViT-B/32 in float32 has 605 MB. The file was just written, so it is in the page cache: the measurement covers
    /// what this library adds.
    private func loading(_ folder: String) throws {
        let path = folder + "/model.safetensors"
        try withModel { model in
            try Safetensors.write(
                model.store.parameters.map { try $0.value.stored(named: $0.name) },
                metadata: ["format": "pt"], to: path)
        }
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        let before = (ProcessMemory.anonymousBytes ?? 0)
        var options = CLIPModel.LoadingOptions()
        options.activation = .quickGELU
        var model: CLIPModel?
        let time = try Measurement(runs: runs) { model = try CLIPModel.load(path, options: options) }
        let grown = (ProcessMemory.anonymousBytes ?? 0) - before
        try withExtendedLifetime(model) {
            // Every weight is used once, which would reveal memory beyond the mapped file.
            let ids = try Tensor([Int64](repeating: 49_407, count: 77), shape: [1, 77])
            _ = try model?.embed(ids: ids)
            _ = try model?.embed(pixels: .zeros([1, 3, 224, 224]))
        }
        print("loading \(size / 1_000_000) MB: \(formatted(seconds: time.median)),", terminator: " ")
        print("memory beyond the mapped file \(grown >> 20) MB after loading,", terminator: " ")
        print("\(((ProcessMemory.anonymousBytes ?? 0) - before) >> 20) MB after use")
    }

    private func withModel(_ body: (CLIPModel) throws -> Void) throws {
        let model = try CLIPModel(.viTB32, format: .huggingFace)
        try model.store.initialize(seed: 1)
        try body(model)
    }

    // MARK: Reading ahead

    /// One thread for the network, so that a second processor is free for decoding.
    private func reading(_ folder: String) async throws {
        let files = try (0..<pictures).map { index in
            let path = "\(folder)/\(index).jpg"
            try Self.picture(index).write(to: path)
            return path
        }
        let threads = Runtime.threadCount
        try Runtime.setThreadCount(1)
        defer { try? Runtime.setThreadCount(threads) }
        let model = try CLIPModel(.viTB32, format: .huggingFace)
        try model.store.initialize(seed: 1)
        let preprocessor = ImagePreprocessor.openAI(side: 224)
        var prepared: [PixelValues] = []
        let decoding = try Measurement(runs: runs) {
            prepared = try files.map { try preprocessor(Image(contentsOf: $0)) }
        }
        let network = try Measurement(runs: runs) {
            for start in stride(from: 0, to: prepared.count, by: 16) {
                let batch = Array(prepared[start..<min(start + 16, prepared.count)])
                _ = try model.embed(pixels: PixelValues.batch(batch))
            }
        }
        var times: [Double] = []
        for run in 0...runs {
            let start = ContinuousClock.now
            _ = try await model.embed(files: files, preprocessor: preprocessor)
            let parts = start.duration(to: .now).components
            // The first run is not counted, as in `Measurement`.
            if run > 0 { times.append(Double(parts.seconds) + Double(parts.attoseconds) * 1e-18) }
        }
        let together = times.sorted()[times.count / 2]
        let hidden = (decoding.median + network.median - together) / min(decoding.median, network.median)
        print("\(pictures) pictures of 640 x 480:", terminator: " ")
        print("decoding \(formatted(seconds: decoding.median)),", terminator: " ")
        print("network \(formatted(seconds: network.median)),", terminator: " ")
        print("both \(formatted(seconds: together)):", terminator: " ")
        print("\(rounded(100 * hidden)) % of the shorter work is hidden behind the longer")
    }

    /// A picture with detail at all scales, like a photograph.
    private static func picture(_ index: Int) throws -> Image {
        let (width, height) = (640, 480)
        var bytes = [UInt8](repeating: 0, count: width * height * 3)
        var state = UInt64(index) &* 0x9E37_79B9_7F4A_7C15 | 1
        for y in 0..<height {
            for x in 0..<width {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                let noise = Int(state & 31)
                let block = ((x / 40 &* 73) ^ (y / 40 &* 151) ^ (index &* 31)) & 127
                for channel in 0..<3 {
                    let value = block + noise + (x >> (2 + channel)) + (y >> (3 - channel))
                    bytes[(y * width + x) * 3 + channel] = UInt8(truncatingIfNeeded: min(value, 255))
                }
            }
        }
        return try Image(width: width, height: height, pixels: bytes)
    }
}
