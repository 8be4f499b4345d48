import FixtureSupport
import Foundation
import Testing

/// `fvlm cache` and a training from it, as a user types them.
@Suite struct CacheCommandTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func aCacheIsMadeOnceAndTrainedFrom() throws {
        let training = try SmallTraining(in: folder, steps: 4)
        let features = folder.file("features")
        let making = [
            "cache", training.configuration, "--views", "2", "--output", features, "--json", "--threads",
            "1",
        ]
        func counts() throws -> [Int?] {
            let run = try Program(making)
            #expect(run.status == 0, "\(run.errors)")
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
            return ["views", "made"].map { object[$0] as? Int }
        }
        #expect(try counts() == [12, 12])
        #expect(try counts() == [12, 0])

        func train(_ name: String, _ settings: String...) throws -> Program {
            try Program(
                ["train", training.configuration, "--output", folder.file(name), "--threads", "1"]
                    + (["data.views=2", "data.cache=\(features)"] + settings).flatMap { ["--set", $0] })
        }
        let run = try train("run")
        #expect(run.status == 0, "\(run.errors)")
        #expect(FileManager.default.fileExists(atPath: folder.file("run/model/detector.yaml")))
        let refused = try train("other", "run.seed=6")
        #expect(refused.status == 65)
        #expect(refused.errors.contains("seed is 5, expected 6"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.file("other")))
    }
}
