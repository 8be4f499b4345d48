import FVLM
import FixtureSupport
import Foundation
import Imaging
import Testing

/// How likely a class is in a picture at all, and scores multiplied by it.
@Suite struct PresenceTests {
    private func pictures() throws -> [Image] {
        [try TestDetector.picture(), try TestDetector.picture(width: 60, height: 150)]
    }

    @Test func theFormula() {
        var options = ScoringOptions()
        let evidence = PresenceEvidence(region: 0.8, picture: -4)
        #expect(abs(options.presence(evidence) - Float(1 / (1 + exp(-(log(4.0) - 0.4))))) < 1e-6)
        (options.presenceIntercept, options.presenceRegions, options.presencePicture) = (-1, 0.5, 0)
        #expect(abs(options.presence(evidence) - Float(1 / (1 + exp(-(log(2.0) - 1))))) < 1e-6)
        // Nothing found, or surely found: still a number.
        for region in [0, 1] as [Float] {
            let presence = options.presence(PresenceEvidence(region: region, picture: 0))
            #expect(presence > 0 && presence < 1)
        }
    }

    /// Scores are those without presences times presences, for a batch as for single pictures, with one tower and with two.
    @Test(arguments: [("published", true), ("vit", false), ("alone", true)])
    func scoresAreMultiplied(_ kind: String, _ isResNet: Bool) async throws {
        let detector = try TestDetector.detector(
            isResNet: isResNet, settings: kind == "alone" ? ["scoring.scorer=none"] : [])
        let vocabulary = try await detector.vocabulary(of: ["a house", "tree", "car"], templates: .single)
        let images = try pictures()
        var options = detector.configuration.scoring
        (options.includesMasks, options.limit, options.includesPresence) = (false, 10_000, true)
        let seen = try await detector.encode(images, options: options, includesMasks: false)
        let plain = try await seen.detections(of: vocabulary)
        let presences = try await seen.presences(of: vocabulary)
        let evidence = try seen.presenceEvidence(of: vocabulary)
        #expect(presences.map(\.count) == [3, 3])
        for (found, evidence) in zip(plain, evidence) {
            for (place, evidence) in evidence.enumerated() {
                // Boxes without a part in the picture, as random heads make them, are regions but not detections.
                #expect(evidence.region >= found.filter { $0.classIndex == place }.map(\.score).max() ?? 0)
                #expect(kind == "alone" ? evidence.picture == 0 : evidence.picture <= 0)
            }
        }
        options.presenceWeight = 0.5
        let weighted = try await detector.detect(images, vocabulary: vocabulary, options: options)
        for (image, found) in weighted.enumerated() {
            #expect(found.count == plain[image].count)
            for detection in found {
                let same = try #require(
                    plain[image].first {
                        $0.box == detection.box && $0.classIndex == detection.classIndex
                    })
                let presence = presences[image][detection.classIndex]
                #expect(abs(detection.score - same.score * presence.squareRoot()) < 1e-6)
                for (own, plain) in [
                    (detection.detectorScore, same.detectorScore), (detection.vlmScore, same.vlmScore),
                ] { #expect(abs(own - plain) <= 1e-5 * plain) }
            }
        }
        let fresh = try await detector.encode(images, options: options, includesMasks: false)
        #expect(try await fresh.detections(of: vocabulary) == weighted)
        // What falls to the threshold is left out.
        options.scoreThreshold = Double(try #require(weighted.joined().map(\.score).max())) * 0.9
        let few = try await detector.detect(images, vocabulary: vocabulary, options: options)
        #expect(
            !few.joined().isEmpty && few.joined().allSatisfy { Double($0.score) > options.scoreThreshold })
    }

    @Test func whatWasNotLookedAtIsNamed() async throws {
        let detector = try TestDetector.detector(isResNet: true)
        let vocabulary = try await detector.vocabulary(of: ["tree"], templates: .single)
        let seen = try await detector.encode([TestDetector.picture()], includesMasks: false)
        let error = #expect(throws: ConfigurationError.self) { try seen.presences(of: vocabulary) }
        #expect(error?.key == "scoring.includesPresence")
        var options = detector.configuration.scoring
        options.presenceWeight = 2
        #expect(throws: ConfigurationError.self) { try options.validate() }
        options.presenceWeight = 1
        var tiles = TilingOptions()
        tiles.side = 64
        let tiled = await #expect(throws: ConfigurationError.self) {
            try await detector.detect(
                TestDetector.picture(), vocabulary: vocabulary, options: options, tiles: tiles)
        }
        #expect(tiled?.key == "scoring.presenceWeight")
    }

    /// Options of a file from before presences.
    @Test func olderFilesAreRead() throws {
        var options = ScoringOptions()
        (options.baseWeight, options.scorer, options.limit) = (0.2, .crop, 7)
        let written = try JSONEncoder().encode(options)
        #expect(try JSONDecoder().decode(ScoringOptions.self, from: written) == options)
        let object = try #require(JSONSerialization.jsonObject(with: written) as? [String: Any])
        let older = object.filter { !$0.key.contains("resence") }
        #expect(older.count == object.count - 5)
        let read = try JSONDecoder().decode(
            ScoringOptions.self, from: JSONSerialization.data(withJSONObject: older))
        #expect(read == options)
    }
}
