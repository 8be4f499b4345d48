import Foundation
import Imaging
import Testing

@testable import CLIP

@Suite struct ImagePreprocessorTests {
    /// A detector's preparation: the whole picture in a square.
    private func detector(side: Int) -> ImagePreprocessor {
        ImagePreprocessor(fitting: .square(side: side), filter: .bilinear, padding: .zero)
    }

    private func withConfiguration(_ text: String, _ body: (String) throws -> Void) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "fvlm-\(UUID().uuidString).json")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        try body(file.path)
    }

    @Test func olderSpellingsAreRead() throws {
        try withConfiguration(
            #"""
            {"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
             "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": 224,
             "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
            """#
        ) { path in
            let read = try ImagePreprocessor(contentsOf: path)
            #expect(read == .huggingFace(side: 224))
        }
        try withConfiguration("{}") { path in
            let read = try ImagePreprocessor(contentsOf: path)
            #expect(read == .huggingFace(side: 224))
        }
        try withConfiguration(
            #"{"do_resize": false, "do_center_crop": false, "do_rescale": false, "do_normalize": false}"#
        ) { path in
            let pixels = try ImagePreprocessor(contentsOf: path)(
                Image(width: 3, height: 2, filledWith: Color(red: 1, green: 2, blue: 255)))
            #expect(
                try pixels.values == [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2] + Array(repeating: 255, count: 6))
        }
    }

    @Test(arguments: [
        "{", #"{"resample": 7}"#, #"{"size": -1}"#, #"{"size": "big"}"#, #"{"crop_size": {"height": 3}}"#,
        #"{"do_resize": 1}"#, #"{"image_mean": [1, 2]}"#, #"{"image_std": [1, 2, "x"]}"#,
        #"{"size": {"height": 8, "width": 9}, "crop_size": 8}"#,
    ])
    func faultsAreErrorsWithThePath(_ text: String) throws {
        try withConfiguration(text) { path in
            let error = #expect(throws: CLIPError.self) { try ImagePreprocessor(contentsOf: path) }
            #expect(error?.subject == path)
        }
        #expect(throws: CLIPError.self) { try ImagePreprocessor(contentsOf: "/nowhere/at/all.json") }
    }

    /// Preparations that compute something else are refused by name; what transformers 5 puts around it is taken off.
    @Test func otherPreparationsAreRefused() throws {
        for text in [
            #"{"image_processor_type": "SiglipImageProcessor"}"#,
            #"{"feature_extractor_type": "ViTFeatureExtractor"}"#,
            #"{"do_pad": true}"#,
        ] {
            try withConfiguration(text) { path in
                #expect(throws: CLIPError.self) { try ImagePreprocessor(contentsOf: path) }
            }
        }
        try withConfiguration(
            #"{"image_processor": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32}, "crop_size": 32}}"#
        ) { path in
            let read = try ImagePreprocessor(contentsOf: path)
            #expect(read == .huggingFace(side: 32))
        }
    }

    @Test func preparationsOfOpenCLIP() throws {
        try withConfiguration(
            #"{"preprocess_cfg": {"size": 99, "resize_mode": "squash", "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5]}}"#
        ) { path in
            var expected = ImagePreprocessor.openAI(side: 32)
            expected.fitting = .exact(ImageSize(width: 32, height: 32))
            expected.filter = .bilinear
            expected.normalization.mean = [0.5, 0.5, 0.5]
            let read = try ImagePreprocessor(openCLIP: path, side: 32)
            #expect(read == expected)
        }
        for setting in [#""resize_mode": "longest""#, #""interpolation": "random""#, #""mode": "L""#] {
            try withConfiguration("{\"preprocess_cfg\": {\(setting)}}") { path in
                let error = #expect(throws: CLIPError.self) {
                    try ImagePreprocessor(openCLIP: path, side: 32)
                }
                #expect(error?.subject == path)
            }
        }
    }

    @Test func marginsAreThoseOfEachLibrary() throws {
        // 640 x 427 to 224: width int(224 * 640 / 427) = 335, a rest of 111: transformers begins at 55,
        // torchvision at round(55.5) = 56.
        let size = ImageSize(width: 640, height: 427)
        #expect(try ImagePreprocessor.huggingFace(side: 224).transform(for: size).xOffset == -55)
        #expect(try ImagePreprocessor.openAI(side: 224).transform(for: size).xOffset == -56)
    }

    @Test func aDetectorsPaddingIsZero() throws {
        let image = try Image(width: 40, height: 20, filledWith: Color(red: 255, green: 0, blue: 128))
        let pixels = try detector(side: 64)(image)
        #expect(pixels.size == ImageSize(width: 64, height: 64))
        #expect(
            pixels.transform.apply(to: Box(x1: 0, y1: 0, x2: 40, y2: 20)) == Box(x1: 0, y1: 0, x2: 64, y2: 32)
        )
        let red = Float(
            (1 - PixelNormalization.clip.mean[0]) / PixelNormalization.clip.standardDeviation[0])
        let values = try pixels.values
        #expect(values[0] == red && values[31 * 64 + 63] == red)
        #expect(values.dropFirst(32 * 64).prefix(32 * 64).allSatisfy { $0 == 0 })
        let black = ImagePreprocessor(fitting: .square(side: 64), padding: .black)
        #expect(try black(image).values[63 * 64] != 0)
        let multiple = ImagePreprocessor(
            fitting: .shortestSide(10, longestSide: 15, multiple: 8), padding: .zero)
        #expect(try multiple(image).size == ImageSize(width: 16, height: 8))
    }

    @Test func anElongatedPictureCostsOnlyTheCrop() throws {
        // Resized as a whole it would have 224 x 14.5 million pixels.
        let strip = try Image(width: 65_000, height: 1, filledWith: .white)
        #expect(try ImagePreprocessor.huggingFace(side: 224)(strip).values.count == 3 * 224 * 224)
    }

    @Test func picturesOfDifferentSizesAreNoBatch() throws {
        let a = try detector(side: 8)(Image(width: 4, height: 4))
        let b = try detector(side: 16)(Image(width: 4, height: 4))
        #expect(throws: CLIPError.self) { try PixelValues.batch([a, b]) }
        #expect(throws: CLIPError.self) { try PixelValues.batch([]) }
        #expect(try PixelValues.batch([a, a]).shape == [2, 3, 8, 8])
    }
}

extension PixelValues {
    /// Channel by channel, row by row.
    var values: [Float] { get throws { try tensor.array(of: Float.self) } }
}
