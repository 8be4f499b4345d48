import RegionDetection

/// What can be chosen at run time, without other weights.
public struct DetectionOptions: Sendable, Hashable, Codable {
    /// The boxes that the vision-language model looks at.
    public enum ScoredRegions: String, Sendable, Hashable, Codable, CaseIterable {
        /// The proposals, as the box head does: the published way.
        case proposals
        /// The boxes that the box head made of them, which fit objects more tightly.
        case refined
    }

    /// The boxes that the vision-language model looks at.
    public var scoredRegions = ScoredRegions.proposals

    /// What the vision-language model's cosines are divided by.
    public var vlmTemperature = 0.01

    /// The weights of the vision-language model in the score.
    public var fusion = ScoreFusion.lvis

    /// The weight w of the proposal network's objectness o in a detection's score s^(1 - w) o^w. The proposal network learns
    /// what an object is, whatever its class, and so tells objects from parts of objects where CLIP does not. 0, the
    /// published method, leaves it out; 0.5 is the mean of RegionCLIP (Zhong et al., 2022).
    public var objectnessWeight = 0.0

    /// Detections whose score is not above are left out.
    public var scoreThreshold = 0.05

    /// The overlap (intersection over union) at which the weaker of two detections of a class goes.
    public var suppressionThreshold = 0.5

    /// How many regions of each class take part in suppression.
    public var candidatesPerClass = 1000

    /// How many detections an image may have.
    public var limit = 100

    /// The least probability of a mask's pixels.
    public var maskThreshold = 0.5

    /// Where masks lie in the picture: in whole pixels in the published family.
    public var maskPlacement = MaskPaster.Placement.exact

    /// Whether masks are made.
    public var includesMasks = true

    /// The usual options, those of the published code for evaluation.
    public init() {}
}
