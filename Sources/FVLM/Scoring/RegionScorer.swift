/// How the frozen vision-language model looks at a region.
public enum RegionScorer: String, Sendable, Hashable, Codable, CaseIterable {
    /// A ResNet's attention pool on a crop of C5 (the published method).
    case attentionPool
    /// A mean over the patch embeddings that the last block's value path gives (for vision transformers).
    case denseValue
    /// A mean over the patch embeddings of the last block's plain output: the origin's split, kept for comparison.
    case lastHidden
    /// The whole model on a crop of the image: slow, a baseline.
    case crop
    /// Nothing: the detector's score alone.
    case none
}
