import CLIP
import Foundation
import RegionDetection
import Torch

extension DetectorNetwork {
    /// What speaks for each class in each image, [N][K]; the background first.
    func presenceEvidence(
        in seen: EncodedRegions, _ scores: [FusedScores], classes: ClassRows, options: ScoringOptions
    ) throws -> [[PresenceEvidence]] {
        let pictures = try withAutocast(nil, device: seen.embeddings.device.kind) {
            try seen.pictureEmbeddings.map { embeddings in
                let logits = try TextClassifier(fixedTemperature: options.vlmTemperature)(
                    embeddings, unitTexts: TextClassifier.unit(classes.vlm ?? classes.detector)
                ).to(device: .cpu)
                return try (0..<embeddings.shape[0]).map { try logits[$0].array(of: Float.self) }
            }
        }
        return scores.indices.map { image in
            let pairs = scores[image].pairs
            var best = [Float](repeating: 0, count: pairs.classCount)
            for (place, score) in zip(pairs.classes, pairs.scores) {
                best[Int(place)] = max(best[Int(place)], score)
            }
            let own = pictures?[image]
            let greatest = own?.max() ?? 0
            return best.indices.map { place in
                PresenceEvidence(region: best[place], picture: own.map { $0[place] - greatest } ?? 0)
            }
        }
    }

    /// Scores times the presence of their classes, raised to its weight.
    func weighted(
        _ scores: [FusedScores], byPresenceIn seen: EncodedRegions, classes: ClassRows,
        options: ScoringOptions
    ) throws -> [FusedScores] {
        guard options.presenceWeight > 0 else { return scores }
        let evidence = try presenceEvidence(in: seen, scores, classes: classes, options: options)
        return zip(scores, evidence).map { scores, evidence in
            scores.scaled(
                byClass: evidence.map { pow(options.presence($0), Float(options.presenceWeight)) },
                threshold: options.scoreThreshold)
        }
    }
}
