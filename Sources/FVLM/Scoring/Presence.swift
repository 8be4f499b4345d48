import Foundation

/// What speaks for a class in a picture at all, wherever it may be.
public struct PresenceEvidence: Sendable, Hashable {
    /// The best score of the picture's regions for the class; 0 where none is above the threshold.
    public let region: Float

    /// The cosine of the picture as a whole and the class minus the greatest cosine of all classes and the background, divided
    /// by CLIP's temperature: at most 0. 0 for every class where CLIP does not look.
    public let picture: Float

    /// Creates evidence from its parts.
    public init(region: Float, picture: Float) {
        self.region = region
        self.picture = picture
    }

    /// The logarithm of the odds of the best score, bounded where a score is 0 or 1.
    public var regionLogit: Double {
        let score = min(max(Double(region), 0.001), 0.999)
        return log(score / (1 - score))
    }
}

extension ScoringOptions {
    /// How likely a class is in a picture, from 0 to 1: the logistic function of
    /// `presenceIntercept + presenceRegions * logit(region) + presencePicture * picture`.
    public func presence(_ evidence: PresenceEvidence) -> Float {
        let logit =
            presenceIntercept + presenceRegions * evidence.regionLogit
            + presencePicture * Double(evidence.picture)
        return Float(1 / (1 + exp(-logit)))
    }
}
