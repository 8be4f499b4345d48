import Imaging
import Torch

/// A picture as a network takes it: normalised numbers, channel by channel.
public struct PixelValues: Sendable {
    /// Red, then green, then blue, each row by row: [3, height, width].
    public let values: [Float]

    /// Width and height.
    public let size: ImageSize

    /// The way from the picture's pixels to these; its inverse brings results back.
    public let transform: SpatialTransform

    /// As a tensor [1, 3, height, width], float32, on the CPU.
    public func tensor() throws -> Tensor {
        try Tensor(values, shape: [1, 3, size.height, size.width])
    }

    /// Several pictures of one size as a tensor [N, 3, height, width], float32, on the CPU.
    ///
    /// - Throws: ``PreprocessingError`` when there is none or the sizes differ.
    public static func batch(_ images: [PixelValues]) throws -> Tensor {
        guard let first = images.first else { throw PreprocessingError(reason: "a batch needs a picture") }
        if let other = images.first(where: { $0.size != first.size }) {
            throw PreprocessingError(
                reason: "pictures of \(first.size) and \(other.size) pixels cannot be one batch")
        }
        return try Tensor(
            images.flatMap(\.values), shape: [images.count, 3, first.size.height, first.size.width])
    }
}

/// A preparation of pictures that cannot be read or carried out.
public struct PreprocessingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The path of the settings file; empty when the error is about none.
    public let file: String

    /// What is wrong, and what helps when something does.
    public let reason: String

    /// An error about `file`.
    public init(file: String = "", reason: String) {
        self.file = file
        self.reason = reason
    }

    /// One line: file and reason.
    public var description: String { file.isEmpty ? reason : "\(file): \(reason)" }
}
