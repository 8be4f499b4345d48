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
