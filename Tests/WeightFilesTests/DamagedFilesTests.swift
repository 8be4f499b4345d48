import Foundation
import Support
import Testing

@testable import WeightFiles

/// Damaged copies of every recorded file are read or refused with an error; nothing else happens.
@Suite struct DamagedFilesTests {
    static let files = [
        "state_dict.pt", "legacy.pth", "deflated.pt", "zip64.pt", "streamed.pt", "script.pt", "protocol2.pkl",
        "protocol5.pkl", "plain.safetensors",
    ]

    /// Opens a file in memory as the form that its first bytes say, and reads every tensor.
    static func read(_ bytes: [UInt8], as form: WeightFile.Form) throws {
        let storage = TensorStorage(bytes)
        let source: any WeightSource
        switch form {
        case .safetensors: source = try Safetensors(storage: storage, origin: "f")
        case .pickle: source = try NumpyPickle(storage: storage, origin: "f")
        case .legacyTorch: source = try PyTorchArchive(storage: storage, origin: "f")
        default:
            let zip = try ZipArchive(storage: storage, origin: "f")
            source =
                TorchRecords.isTorchScript(zip)
                ? try TorchScriptArchive(zip: zip, checksums: .ignored)
                : try PyTorchArchive(zip: zip, checksums: .ignored)
        }
        for key in source.keys { _ = try source.tensor(named: key).bytes() }
    }

    static func load(_ file: String) throws -> ([UInt8], WeightFile.Form) {
        let fixture = try RecordedForms.fixture()
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: fixture.path(file))))
        return (bytes, bytes.withUnsafeBytes { WeightFile.form(of: $0) })
    }

    @Test(arguments: files) func everyTruncationIsRefused(file: String) throws {
        let (bytes, form) = try Self.load(file)
        try Self.read(bytes, as: form)
        // Every length of the small files; of the larger ones every third.
        for length in stride(from: 0, to: bytes.count, by: bytes.count > 3000 ? 3 : 1) {
            #expect(throws: WeightFileError.self, "\(length) bytes") {
                try Self.read(Array(bytes.prefix(length)), as: form)
            }
        }
    }

    @Test(arguments: files) func mutationsAreReadOrRefused(file: String) throws {
        let (bytes, form) = try Self.load(file)
        var generator = SplitMix64(seed: UInt64(bytes.count))
        var refused = 0
        for _ in 0..<400 {
            var mutated = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let position = Int.random(in: 0..<mutated.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: mutated[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 1: mutated[position] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
                case 2: mutated.remove(at: position)
                default: mutated.insert(.random(in: 0...255, using: &generator), at: position)
                }
            }
            do {
                try Self.read(mutated, as: form)
            } catch {
                #expect(error is WeightFileError, "\(error)")
                refused += 1
            }
        }
        #expect(refused > 100)
    }
}
