import RegionDetection
import Support

/// How regions are scored and which detections are kept: the section `scoring` of a configuration, and the options of a
/// ``Detector`` call. Nothing here changes the weights.
///
/// ```swift
/// var options = detector.configuration.scoring
/// options.scoreThreshold = 0.3
/// options.novelWeight = 0.5
/// let found = try await detector.detect([image], vocabulary: vocabulary, options: options)
/// ```
public struct ScoringOptions: Codable, Sendable, Hashable {
    /// How the frozen vision-language model scores a region.
    public enum Scorer: String, Codable, Sendable, CaseIterable {
        /// A ResNet's attention pool on a crop of C5 (the published method), or a Perception Encoder's on a crop of its tokens.
        case attentionPool
        /// A mean over the patch embeddings from the last block's value path (for vision transformers).
        case denseValue
        /// A mean over the patch embeddings of the last block's plain output, kept for comparison.
        case lastHidden
        /// The whole model on a crop of the image: slow, a baseline.
        case crop
        /// Nothing: the detector's score alone.
        case none
    }

    /// The boxes scored by the vision-language model.
    public enum ScoredRegions: String, Codable, Sendable, CaseIterable {
        /// The proposals, like the box head: the published method.
        case proposals
        /// The boxes refined by the box head, which fit objects more tightly.
        case refined
    }

    /// How CLIP looks at regions; null: attentionPool for a ResNet and a Perception Encoder, denseValue for other vision
    /// transformers.
    public var scorer: Scorer?
    /// The boxes scored by CLIP.
    public var vlmRegions = ScoredRegions.proposals
    /// The scales, relative to the pyramid's input, at which CLIP sees the picture to score regions, from 0.125 to 8.
    /// CLIP recognizes objects best at the sizes that it was trained with: each region uses the scale that brings it
    /// closest to `vlmObjectSize`. The published method has a single scale, 1.
    public var vlmScales = [1.0]
    /// The number of `vlmScales` per region: the closest ones, whose embeddings are averaged.
    public var vlmScalesPerRegion = 1
    /// The side at which CLIP recognizes objects best, the square root of their area, in pixels of the rescaled
    /// picture.
    public var vlmObjectSize = 56.0
    /// Whether the map of a ResNet that regions are pooled from has twice as many cells along each side.
    public var vlmDense = false
    /// The temperature that CLIP's cosines are divided by.
    public var vlmTemperature = 0.01
    /// The temperature that the detector's cosines are divided by; null: the one that was learned.
    public var detectorTemperature: Double?
    /// The weight of CLIP's score for classes that were trained on, from 0 (the detector alone) to 1 (CLIP alone): 0.35
    /// for LVIS, 0.2 for COCO's 48 base classes.
    public var baseWeight = 0.35
    /// The weight of CLIP's score for other classes, from 0 to 1: 0.65 for LVIS, 0.45 for COCO's 17 novel classes.
    public var novelWeight = 0.65
    /// The weight of CLIP's score for the background, from 0 to 1; 0, the published method, uses only the detector's.
    public var backgroundWeight = 0.0
    /// Whether the fused scores of a region are divided by their sum over the classes and the background, as the published
    /// method does; F-ViT does not.
    public var normalizesScores = true
    /// The weight w of the proposal network's objectness o in a detection's score s^(1-w) o^w, from 0 to 1. The
    /// proposal network learns class-agnostic objectness and distinguishes objects from their parts where CLIP does
    /// not. 0, the published method, ignores it; 0.5 is the mean of RegionCLIP (Zhong et al., 2022).
    public var objectnessWeight = 0.0
    /// The exponent w of a class's presence q in the picture in a detection's score s q^w, from 0 to 1; 0, the published
    /// method, does not ask whether a picture has the class at all. The presence is the logistic function of
    /// presenceIntercept + presenceRegions * logit(best score of a region) + presencePicture * (CLIP's logit of the whole
    /// picture for the class, minus the greatest one); `fvlm calibrate --presence` fits the three numbers.
    public var presenceWeight = 0.0
    /// The first summand of the presence.
    public var presenceIntercept = 0.0
    /// The weight of the best region in the presence.
    public var presenceRegions = 1.0
    /// The weight of the whole picture in the presence.
    public var presencePicture = 0.1
    /// Whether CLIP looks at the whole picture, so that presences can be asked for; with a `presenceWeight` it does.
    public var includesPresence = false
    /// Detections scoring at or below this are dropped.
    public var scoreThreshold = 0.05
    /// The overlap (intersection over union, from 0 to 1) at which the weaker of two detections of a class is dropped.
    public var suppressionThreshold = 0.5
    /// The number of best regions per class that take part in suppression.
    public var candidatesPerClass = 1000
    /// The maximum number of detections per image.
    public var limit = 100
    /// The minimum probability of a mask's pixels, above 0 and at most 1.
    public var maskThreshold = 0.5
    /// Whether masks are computed, if the detector has a mask head.
    public var includesMasks = true

    /// Creates the published options.
    public init() {}
}

extension ScoringOptions: SettingsDescription {
    package static let formerNulls: [String: Set<String>] = ["scorer": ["automatic"]]
}

// MARK: Checks

extension ScoringOptions {
    /// Validates every number.
    /// - Throws: `ConfigurationError` with the key.
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
        if let temperature = detectorTemperature {
            try require(
                temperature > 0 && temperature.isFinite, "detectorTemperature",
                "must be above 0, not \(temperature)")
        }
        try share("baseWeight", baseWeight)
        try share("novelWeight", novelWeight)
        try share("backgroundWeight", backgroundWeight)
        try share("objectnessWeight", objectnessWeight)
        try share("suppressionThreshold", suppressionThreshold)
        try share("presenceWeight", presenceWeight)
        for (key, value) in [
            ("presenceIntercept", presenceIntercept), ("presenceRegions", presenceRegions),
            ("presencePicture", presencePicture),
        ] {
            try require(value.isFinite, key, "must be a number, not \(value)")
        }
        for (key, count) in [("candidatesPerClass", candidatesPerClass), ("limit", limit)] {
            try require((1...1_000_000).contains(count), key, "must be from 1 to 1000000, not \(count)")
        }
        try require(maskThreshold > 0 && maskThreshold <= 1, "maskThreshold", "must be above 0 and at most 1")
        try require(scoreThreshold.isFinite, "scoreThreshold", "must be a number")
    }
}

// MARK: Use

extension ScoringOptions {
    /// Reads options; what is missing, as in files of earlier versions, is the published method's.
    public init(from decoder: any Decoder) throws {
        self.init()
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, into value: inout Value) throws {
            value = try values.decodeIfPresent(Value.self, forKey: key) ?? value
        }
        scorer = try values.decodeIfPresent(Scorer.self, forKey: .scorer)
        try read(.vlmRegions, into: &vlmRegions)
        try read(.vlmScales, into: &vlmScales)
        try read(.vlmScalesPerRegion, into: &vlmScalesPerRegion)
        try read(.vlmObjectSize, into: &vlmObjectSize)
        try read(.vlmDense, into: &vlmDense)
        try read(.vlmTemperature, into: &vlmTemperature)
        detectorTemperature = try values.decodeIfPresent(Double.self, forKey: .detectorTemperature)
        try read(.baseWeight, into: &baseWeight)
        try read(.novelWeight, into: &novelWeight)
        try read(.backgroundWeight, into: &backgroundWeight)
        try read(.normalizesScores, into: &normalizesScores)
        try read(.objectnessWeight, into: &objectnessWeight)
        try read(.presenceWeight, into: &presenceWeight)
        try read(.presenceIntercept, into: &presenceIntercept)
        try read(.presenceRegions, into: &presenceRegions)
        try read(.presencePicture, into: &presencePicture)
        try read(.includesPresence, into: &includesPresence)
        try read(.scoreThreshold, into: &scoreThreshold)
        try read(.suppressionThreshold, into: &suppressionThreshold)
        try read(.candidatesPerClass, into: &candidatesPerClass)
        try read(.limit, into: &limit)
        try read(.maskThreshold, into: &maskThreshold)
        try read(.includesMasks, into: &includesMasks)
    }

    /// Whether CLIP looks at pictures as a whole.
    var looksAtPictures: Bool { includesPresence || presenceWeight > 0 }

    /// The weight of the vision-language model for each class, the background first (Kuo et al., 2023, equation 4).
    package func weights(isBase: [Bool]) -> [Float] {
        var weights = isBase.map { Float($0 ? baseWeight : novelWeight) }
        if !weights.isEmpty { weights[0] = Float(backgroundWeight) }
        return weights
    }

    /// The indices in ``vlmScales`` of the ``vlmScalesPerRegion`` scales that bring a region closest to
    /// ``vlmObjectSize``.
    /// - Parameters:
    ///   - width: The width of the region, in pixels of the batch.
    ///   - height: The height of the region, in pixels of the batch.
    func scales(forWidth width: Float, height: Float) -> [Int] {
        let side = Double(max(width, 1) * max(height, 1)).squareRoot()
        /// The factor by which it is too large or too small.
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

extension ScoringOptions {
    /// The settings of scores that F-ViT's authors publish.
    public enum FViT: String, Sendable, CaseIterable {
        /// Of the detectors trained on COCO's 48 base classes.
        case coco
        /// Of the smaller detector trained on LVIS's base classes.
        case lvis
        /// Of the larger one.
        case lvisLarge
        /// For other classes than those that were trained on, such as a user's own words.
        case transfer
    }

    /// F-ViT's options of scores (CLIPSelf's `F-ViT/configs`): a temperature for each tower, a weight for the background, no
    /// division by the sum.
    public static func fvit(_ kind: FViT) -> ScoringOptions {
        var options = ScoringOptions()
        options.normalizesScores = false
        options.baseWeight = 0.1
        options.backgroundWeight = 0.1
        options.vlmTemperature = 1.0 / 50
        options.scoreThreshold = 0.0001
        options.limit = 300
        switch kind {
        case .coco:
            options.novelWeight = 0.8
            options.vlmTemperature = 1.0 / 75
            options.scoreThreshold = 0.01
            options.suppressionThreshold = 0.4
            options.limit = 100
        case .lvis: options.novelWeight = 0.6
        case .lvisLarge: options.novelWeight = 0.4
        case .transfer:
            (options.baseWeight, options.novelWeight, options.backgroundWeight) = (0.3, 0.3, 0.3)
            options.vlmTemperature = 1.0 / 120
            options.detectorTemperature = 1.0 / 50
        }
        return options
    }
}
