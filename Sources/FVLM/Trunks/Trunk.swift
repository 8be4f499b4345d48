import CLIP
import RegionDetection
import Torch

/// A frozen image tower in the detector's two roles: it provides the pyramid's maps, and creates the scorer that
/// compares regions with texts. No gradient flows into it, and its statistics never change.
public protocol Trunk: Sendable {
    /// The tower's features for a batch.
    associatedtype Features: Sendable

    /// The names of the pyramid's maps, in the order of `levels(of:)`.
    var levelNames: [String] { get }

    /// Computes the features of a batch.
    /// - Parameter pixels: [N, 3, H, W], normalized.
    /// - Throws: `CLIPError` for images that are too small, `TorchError`.
    func features(of pixels: Tensor) throws -> Features

    /// The pyramid's input maps, finest first, [N, C, H, W].
    /// - Throws: `CLIPError`.
    func levels(of features: Features) throws -> [Tensor]

    /// Creates the scorer that embeds regions; nil if only the detector's score is used.
    /// - Throws: `ConfigurationError` for a scorer of the other kind of tower.
    func scorer(for options: ScoringOptions) throws -> (any RegionScorer<Features>)?
}

extension Trunk {
    /// The pyramid's maps of a batch.
    /// - Throws: The errors of ``features(of:)``.
    public func levels(of pixels: Tensor) throws -> [Tensor] {
        try withoutGradients { try levels(of: features(of: pixels)) }
    }
}

extension Trunk {
    /// Embeddings of regions alone, [R, E] `float32`, not of length 1; nil without a scorer.
    /// - Parameters:
    ///   - boxes: The regions of each image, in pixels of the batch.
    ///   - pixels: The batch, [N, 3, H, W], normalized.
    /// - Throws: `ConfigurationError` for a scorer of the other kind of tower; `CLIPError`, `DetectionError`,
    ///   `TorchError`.
    package func embeddings(of boxes: [Boxes], in pixels: Tensor, _ options: ScoringOptions) throws -> Tensor?
    {
        try scorer(for: options)?.embeddings(of: boxes, features: features(of: pixels), pixels: pixels)
    }
}
