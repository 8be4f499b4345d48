import FixtureSupport
import Foundation
import Support
import Testing

@testable import Imaging

@Suite struct CodingTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: "fvlm-imaging-\(UUID().uuidString)")

    private func withFolder(_ body: (URL) throws -> Void) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private func meanDifference(_ a: Image, _ b: Image) -> Double {
        Double(zip(a.pixels, b.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }) / Double(a.pixels.count)
    }

    @Test(arguments: [ImageEncoding.png(), .png(compression: 0), .png(compression: 9), .losslessWebP])
    func losslessFormatsRoundTrip(_ encoding: ImageEncoding) throws {
        let image = try patternImage(width: 61, height: 47)
        #expect(try Image(encoded: image.encoded(as: encoding)) == image)
    }

    @Test(arguments: [ImageEncoding.jpeg(quality: 95), .jpeg(quality: 80), .webp(quality: 90)])
    func lossyFormatsComeClose(_ encoding: ImageEncoding) throws {
        var image = try Image(width: 64, height: 48)
        for y in 0..<48 {
            for x in 0..<64 {
                image[x, y] = Color(red: UInt8(x * 3), green: UInt8(y * 4), blue: UInt8(120 + x - y))
            }
        }
        let decoded = try Image(encoded: image.encoded(as: encoding))
        #expect(decoded.size == image.size)
        #expect(meanDifference(decoded, image) < 3)
    }

    @Test func settingsOutOfRangeAreErrors() throws {
        let image = try Image(width: 2, height: 2)
        #expect(throws: ImagingError.self) { try image.encoded(as: .jpeg(quality: 0)) }
        #expect(throws: ImagingError.self) { try image.encoded(as: .webp(quality: 101)) }
        #expect(throws: ImagingError.self) { try image.encoded(as: .png(compression: 10)) }
        let wide = try Image(width: 16_384, height: 1)
        #expect(throws: ImagingError.self) { try wide.encoded(as: .webp()) }
        #expect(try Image(encoded: wide.encoded(as: .png())) == wide)
    }

    /// A pipe that nobody writes to is refused at once, not waited for.
    @Test(.timeLimit(.minutes(1))) func aPipeIsNoPicture() throws {
        try withFolder { folder in
            let path = folder.appending(path: "pipe.png").path
            try #require(mkfifo(path, 0o600) == 0)
            let error = #expect(throws: ImagingError.self) { try Image(contentsOf: path) }
            #expect(error?.description.contains("not an ordinary file") == true)
        }
    }

    @Test func filesAreWrittenWhole() throws {
        try withFolder { folder in
            let image = try patternImage(width: 20, height: 10)
            let path = folder.appending(path: "a.png").path
            try image.write(to: path)
            try patternImage(width: 5, height: 5).write(to: path)
            #expect(try Image(contentsOf: path).size == ImageSize(width: 5, height: 5))
            for name in ["b.jpg", "c.JPEG", "d.webp"] {
                try image.write(to: folder.appending(path: name).path)
                #expect(try ImageHeader(contentsOf: folder.appending(path: name).path).size == image.size)
            }
            // No temporary file stays behind.
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
                    == ["a.png", "b.jpg", "c.JPEG", "d.webp"])
            let nameless = folder.appending(path: "e.bmp").path
            #expect(throws: ImagingError.self) { try image.write(to: nameless) }
            let nowhere = folder.appending(path: "missing/e.png").path
            let error = #expect(throws: ImagingError.self) { try image.write(to: nowhere) }
            #expect(error?.subject == nowhere)
        }
    }

    /// What is written while it is encoded is what is encoded in memory, to the byte.
    @Test(arguments: ["png", "jpg", "webp"]) func filesHoldTheEncodedBytes(_ ending: String) throws {
        try withFolder { folder in
            let image = try patternImage(width: 300, height: 200)
            let path = folder.appending(path: "a.\(ending)").path
            try image.write(to: path)
            let encoding = try #require(ImageEncoding(path: path))
            #expect(
                try [UInt8](Data(contentsOf: URL(filePath: path))) == image.encoded(as: encoding))
        }
    }

    /// A disk that is full while a picture is written is the error, and leaves nothing behind.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"))) func fullDisks() throws {
        try withFolder { folder in
            let image = try patternImage(width: 500, height: 400)
            for ending in ["png", "jpg", "webp"] {
                let path = folder.appending(path: "a.\(ending)").path
                try FileManager.default.createSymbolicLink(
                    atPath: path, withDestinationPath: "/dev/full")
                let error = #expect(throws: ImagingError.self) { try image.write(to: path) }
                #expect(error?.reason.contains("No space left on device") == true, "\(ending)")
                #expect(error?.exitStatus == .failure)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)
        }
    }

    @Test func unreadableFilesAreErrorsWithThePath() throws {
        try withFolder { folder in
            let missing = folder.appending(path: "missing.jpg").path
            let error = #expect(throws: ImagingError.self) { try Image(contentsOf: missing) }
            #expect(error?.subject == missing)
            #expect(error?.reason.contains("No such file") == true)
            #expect(throws: ImagingError.self) { try Image(contentsOf: folder.path) }
        }
    }

    @Test func limitsAreChecked() throws {
        let bytes = try Image(width: 30, height: 20).encoded(as: .png())
        func decode(_ limits: DecodingLimits) throws {
            _ = try Image(encoded: bytes, source: "p.png", options: DecodingOptions(limits: limits))
        }
        try decode(DecodingLimits(bytes: bytes.count, pixels: 600, side: 30))
        for limits in [
            DecodingLimits(bytes: bytes.count - 1), DecodingLimits(pixels: 599), DecodingLimits(side: 29),
        ] {
            let error = #expect(throws: ImagingError.self) { try decode(limits) }
            #expect(error?.description.contains("DecodingLimits") == true)
            #expect(error?.subject == "p.png")
        }
    }

    @Test func aJPEGOfTooManyScansIsRefused() throws {
        // A start-of-scan segment without data, again and again, behind a small picture's headers.
        let small = try Image(width: 8, height: 8).encoded(as: .jpeg())
        let scan = try #require(small.indices.dropLast().first { small[$0] == 0xFF && small[$0 + 1] == 0xDA })
        let length = Int(small[scan + 2]) << 8 | Int(small[scan + 3])
        let segment = small[scan..<scan + 2 + length]
        let bytes = small[..<scan] + Array(repeatElement(segment, count: 300).joined()) + small[scan...]
        let error = #expect(throws: ImagingError.self) { try Image(encoded: Array(bytes)) }
        #expect(error?.reason.contains("scans") == true)
    }

    /// Every way of cutting a file short is an error, never a picture with a gray rest.
    @Test(arguments: [ImageEncoding.png(), .jpeg(quality: 85), .webp(), .losslessWebP])
    func truncatedFilesAreErrors(_ encoding: ImageEncoding) throws {
        let bytes = try patternImage(width: 90, height: 70).encoded(as: encoding)
        for percent in [1, 10, 30, 50, 70, 90, 97] {
            let part = Array(bytes[..<(bytes.count * percent / 100)])
            #expect(throws: ImagingError.self, "\(percent) %") { try Image(encoded: part) }
        }
    }

    @Test func damagedFilesDoNotEndTheProcess() throws {
        var random = SplitMix64(seed: 7)
        for encoding in [ImageEncoding.png(), .jpeg(), .webp(), .losslessWebP] {
            let bytes = try patternImage(width: 40, height: 30).encoded(as: encoding)
            for _ in 0..<40 {
                var damaged = bytes
                for _ in 0..<4 {
                    damaged[Int.random(in: 0..<damaged.count, using: &random)] = .random(
                        in: 0...255, using: &random)
                }
                if let image = try? Image(encoded: damaged, options: .init(limits: .init(pixels: 1 << 20))) {
                    #expect(image.pixels.count == image.width * image.height * 3)
                }
            }
        }
    }

    /// Errors of several threads at once each have their own reason.
    @Test func concurrentCallersGetTheirOwnResults() async throws {
        let image = try patternImage(width: 50, height: 40)
        let good = try image.encoded(as: .png())
        let truncatedJPEG = try Array(image.encoded(as: .jpeg()).dropLast(300))
        let truncatedWebP = try Array(image.encoded(as: .webp()).dropLast(300))
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<60 {
                group.addTask {
                    switch index % 3 {
                    case 0:
                        #expect((try? Image(encoded: good)) == image)
                    case 1:
                        let error = #expect(throws: ImagingError.self) {
                            try Image(encoded: truncatedJPEG, source: "a")
                        }
                        #expect(error?.reason.lowercased().contains("webp") == false)
                    default:
                        let error = #expect(throws: ImagingError.self) {
                            try Image(encoded: truncatedWebP, source: "b")
                        }
                        #expect(error?.reason.lowercased().contains("jpeg") == false)
                    }
                }
            }
        }
    }

    @Test func signaturesAreRecognized() throws {
        func format(_ bytes: [UInt8]) -> ImageFormat? { bytes.withUnsafeBytes { ImageFormat(signature: $0) } }
        #expect(format([]) == nil)
        #expect(format([0xFF, 0xD8]) == nil)
        #expect(format([0xFF, 0xD8, 0xFF, 0xE0]) == .jpeg)
        #expect(format(Array("GIF89a".utf8)) == .gif)
        #expect(format(Array("RIFF....WEBP".utf8)) == .webp)
        #expect(format(Array("RIFF....WAVE".utf8)) == nil)
        #expect(format([0x4D, 0x4D, 0, 42]) == .tiff)
        #expect(format([0, 0, 0, 24] + Array("ftypavif".utf8)) == .heif)
        #expect(format([0, 0, 0, 24] + Array("ftypisom".utf8)) == nil)
        #expect(format(Array("<svg>".utf8)) == nil)
    }
}
