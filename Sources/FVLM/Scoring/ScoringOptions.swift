import RegionDetection
import Support

/// How regions are scored and which detections are kept: the section `scoring` of a configuration, and what a call of
/// ``Detector`` can choose anew. Nothing here changes the weights.
public struct ScoringOptions: Codable, Sendable, Hashable {
    /// Ways of the frozen vision-language model to look at a region.
    public enum Scorer: String, Codable, Sendable, CaseIterable {
        /// A ResNet's attention pool on a crop of C5 (the published method).
        case attentionPool
        /// A mean over the patch embeddings that the last block's value path gives (for vision transformers).
        case denseValue
        /// A mean over the patch embeddings of the last block's plain output: the notebook's, kept for comparison.
        case lastHidden
        /// The whole model on a crop of the image: slow, a baseline.
        case crop
        /// Nothing: the detector's score alone.
        case none
    }

    /// The boxes that the vision-language model looks at.
    public enum ScoredRegions: String, Codable, Sendable, CaseIterable {
        /// The proposals, as the box head does: the published way.
        case proposals
        /// The boxes that the box head made of them, which fit objects more tightly.
        case refined
    }

    /// How CLIP looks at regions; null: attentionPool for a ResNet, denseValue for a vision transformer.
    public var scorer: Scorer?
    /// The boxes that CLIP looks at.
    public var vlmRegions = ScoredRegions.proposals
    /// How many times larger than for the pyramid the picture is made for CLIP's look at regions, from 0.125 to 8. CLIP
    /// recognises objects best at the sizes that it was trained with: of several scales each region is looked at where it
    /// comes closest to `vlmObjectSize`. The published method has one, 1.
    public var vlmScales = [1.0]
    /// At how many of `vlmScales` a region is looked at: the closest ones, whose embeddings are averaged.
    public var vlmScalesPerRegion = 1
    /// The side at which CLIP recognises objects best, the root of their area, in pixels of the enlarged picture.
    public var vlmObjectSize = 56.0
    /// Whether the map of a ResNet that regions are pooled from has twice as many cells along each side.
    public var vlmDense = false
    /// The temperature that CLIP's cosines are divided by.
    public var vlmTemperature = 0.01
    /// The weight of CLIP's score for classes that were trained on, from 0 (the detector alone) to 1 (CLIP alone): 0.35 for
    /// LVIS, 0.2 for COCO's 48 base classes.
    public var baseWeight = 0.35
    /// The weight of CLIP's score for other classes, from 0 to 1: 0.65 for LVIS, 0.45 for COCO's 17 novel classes.
    public var novelWeight = 0.65
    /// The weight of CLIP's score for the background, from 0 to 1; 0, the published method, takes the detector's alone.
    public var backgroundWeight = 0.0
    /// The weight w of the proposal network's objectness o in a detection's score s^(1 - w) o^w, from 0 to 1. The proposal
    /// network learns what an object is, whatever its class, and tells objects from parts of objects where CLIP does not.
    /// 0, the published method, leaves it out; 0.5 is the mean of RegionCLIP (Zhong et al., 2022).
    public var objectnessWeight = 0.0
    /// Detections scoring at or below this are dropped.
    public var scoreThreshold = 0.05
    /// The overlap (intersection over union, from 0 to 1) at which the weaker of two detections of a class is dropped.
    public var suppressionThreshold = 0.5
    /// Regions of each class that take part in suppression, the best ones.
    public var candidatesPerClass = 1000
    /// Detections of an image, at most.
    public var limit = 100
    /// The least probability of a mask's pixels, above 0 and at most 1.
    public var maskThreshold = 0.5
    /// Whether masks are made, where the detector has a mask head.
    public var includesMasks = true

    /// The published options.
    public init() {}
}

extension ScoringOptions: SettingsDescription {
    package static let formerNulls: [String: Set<String>] = ["scorer": ["automatic"]]
}

// MARK: Checks

extension ScoringOptions {
    /// Checks every number.
    /// - Throws: ``ConfigurationError`` with the key.
    public func validate() throws {
        func require(_ isRight: Bool, _ key: String, _ reason: String) throws {
            guard isRight else { throw ConfigurationError(key: "scoring.\(key)", reason: reason) }
        }
        func share(_ key: String, _ value: Double) throws {
            try require((0...1).contains(value), key, "must be from 0 to 1, not \(value)")
        }
        try require(
            !vlmScales.isEmpty && vlmScales.allSatisfy { (0.125...8).contains($0) }, "vlmScales",
            "needs numbers from 0.125 to 8, not \(vlmScales)")
        try require(
            (1...vlmScales.count).contains(vlmScalesPerRegion), "vlmScalesPerRegion",
            "must be from 1 to the \(vlmScales.count) of scoring.vlmScales, not \(vlmScalesPerRegion)")
        try require(
            (1...16_384).contains(vlmObjectSize), "vlmObjectSize",
            "must be from 1 to 16384, not \(vlmObjectSize)")
        try require(
            vlmTemperature > 0 && vlmTemperature.isFinite, "vlmTemperature",
            "must be above 0, not \(vlmTemperature)")
        try share("baseWeight", baseWeight)
        try share("novelWeight", novelWeight)
        try share("backgroundWeight", backgroundWeight)
        try share("objectnessWeight", objectnessWeight)
        try share("suppressionThreshold", suppressionThreshold)
        for (key, count) in [("candidatesPerClass", candidatesPerClass), ("limit", limit)] {
            try require((1...1_000_000).contains(count), key, "must be from 1 to 1000000, not \(count)")
        }
        try require(maskThreshold > 0 && maskThreshold <= 1, "maskThreshold", "must be above 0 and at most 1")
        try require(scoreThreshold.isFinite, "scoreThreshold", "must be a number")
    }
}

// MARK: Use

extension ScoringOptions {
    /// The weight of the vision-language model for each class, the background first (Kuo et al., 2023, equation 4).
    package func weights(isBase: [Bool]) -> [Float] {
        var weights = isBase.map { Float($0 ? baseWeight : novelWeight) }
        if !weights.isEmpty { weights[0] = Float(backgroundWeight) }
        return weights
    }

    /// The places in ``vlmScales`` of those at which a region comes closest to ``vlmObjectSize``, ``vlmScalesPerRegion`` of
    /// them.
    /// - Parameters:
    ///   - width: Of the region, in pixels of the batch.
    ///   - height: As `width`.
    func scales(forWidth width: Float, height: Float) -> [Int] {
        let side = Double(max(width, 1) * max(height, 1)).squareRoot()
        /// How many times too large or too small.
        func misfit(_ scale: Double) -> Double {
            max(side * scale / vlmObjectSize, vlmObjectSize / (side * scale))
        }
        let order = vlmScales.indices.sorted {
            let (first, second) = (misfit(vlmScales[$0]), misfit(vlmScales[$1]))
            return first == second ? $0 < $1 : first < second
        }
        return Array(order.prefix(max(vlmScalesPerRegion, 1)))
    }
}
