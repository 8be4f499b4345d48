import Imaging
import Torch

/// Converts 8-bit colors to a network's numbers: (value / 255 - mean) / standard deviation, per channel.
///
/// The only path from images to tensors, for CLIP, detection and training alike.
public struct PixelNormalization: Sendable, Hashable, Codable {
    /// Means of red, green, blue, between 0 and 1.
    public var mean: [Double]

    /// Standard deviations of red, green, blue.
    public var standardDeviation: [Double]

    /// Creates a normalization from three means and three standard deviations.
    public init(mean: [Double], standardDeviation: [Double]) {
        self.mean = mean
        self.standardDeviation = standardDeviation
    }

    /// The means and standard deviations of CLIP's training images.
    public static let clip = PixelNormalization(
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        standardDeviation: [0.268_629_54, 0.261_302_58, 0.275_777_11])

    /// The means and standard deviations of ImageNet.
    public static let imageNet = PixelNormalization(
        mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])

    /// Means and standard deviations of one half: numbers from -1 to 1.
    public static let half = PixelNormalization(mean: [0.5, 0.5, 0.5], standardDeviation: [0.5, 0.5, 0.5])

    /// The image as [3, H, W] `float32`, on the CPU.
    ///
    /// Runs on the calling thread only, which leaves libtorch's own threads to the network.
    /// - Parameters:
    ///   - image: The picture, of any size.
    ///   - rescale: The scale applied to values first: 1/255 or 1.
    ///   - content: The columns and rows that hold the image; everything outside becomes 0. Defaults to the whole
    ///     image.
    /// - Throws: ``CLIPError`` unless there are three finite means and three nonzero deviations; `TorchError`.
    public func callAsFunction(
        _ image: Image, rescale: Double = 1 / 255,
        content: (columns: Range<Int>, rows: Range<Int>)? = nil
    ) throws -> Tensor {
        let tables = try tables(rescale)
        let (width, height) = (image.width, image.height)
        let tensor = try Tensor.empty([3, height, width])
        try tensor.withMutableBytes { bytes in
            let target = bytes.bindMemory(to: Float.self)
            image.pixels.withUnsafeBufferPointer { pixels in
                for channel in 0..<3 {
                    tables[channel].withUnsafeBufferPointer { table in
                        let plane = UnsafeMutableBufferPointer(
                            rebasing: target[channel * width * height..<(channel + 1) * width * height])
                        var source = channel
                        for place in plane.indices {
                            plane[place] = table[Int(pixels[source])]
                            source += 3
                        }
                        if let content { Self.clear(plane, width, outside: content) }
                    }
                }
            }
        }
        return tensor
    }

    private static func clear(
        _ plane: UnsafeMutableBufferPointer<Float>, _ width: Int,
        outside content: (columns: Range<Int>, rows: Range<Int>)
    ) {
        for row in 0..<plane.count / width {
            let line = plane[row * width..<(row + 1) * width]
            guard content.rows.contains(row) else {
                line.update(repeating: 0)
                continue
            }
            plane[line.startIndex..<line.startIndex + content.columns.lowerBound].update(repeating: 0)
            plane[line.startIndex + content.columns.upperBound..<line.endIndex].update(repeating: 0)
        }
    }

    /// Every byte has one of 256 results in each channel.
    private func tables(_ rescale: Double) throws -> [[Float]] {
        try check()
        return (0..<3).map { channel in
            (0..<256).map { Float((Double($0) * rescale - mean[channel]) / standardDeviation[channel]) }
        }
    }

    func check() throws {
        guard mean.count == 3, standardDeviation.count == 3, mean.allSatisfy(\.isFinite),
            standardDeviation.allSatisfy({ $0 != 0 && $0.isFinite })
        else {
            throw CLIPError(
                "normalization",
                reason: "needs three means and three nonzero deviations, not \(mean) and "
                    + "\(standardDeviation)")
        }
    }
}

// For a GPU: bytes are a quarter of the numbers that they become, so they are sent and become numbers there.
extension PixelNormalization {
    /// The picture's bytes, [3, H, W] `uint8`, in main memory that devices read directly.
    ///
    /// In memory a pixel's colors lie together, as in the picture.
    /// - Throws: `TorchError` where there is no device.
    package static func bytes(of image: Image) throws -> Tensor {
        let tensor = try Tensor.emptyPinned([image.height, image.width, 3], dtype: .uint8)
        try tensor.withMutableBytes { bytes in
            image.pixels.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
        return try tensor.permuted([2, 0, 1])
    }

    /// What ``callAsFunction(_:rescale:content:)`` makes of the picture, up to rounding, of its bytes and where they are.
    /// - Parameter bytes: [3, H, W] `uint8`.
    /// - Throws: As the other method.
    package func callAsFunction(
        bytes: Tensor, rescale: Double = 1 / 255, content: (columns: Range<Int>, rows: Range<Int>)? = nil
    ) throws -> Tensor {
        try check()
        let factors = standardDeviation.map { Float(rescale / $0) }
        let offsets = zip(mean, standardDeviation).map { Float(-$0 / $1) }
        let both = try Tensor(factors + offsets, shape: [2, 3, 1, 1]).to(device: bytes.device)
        let numbers = try bytes.to(.float32) * both[0] + both[1]
        guard let content else { return numbers }
        let (height, width) = (bytes.shape[1], bytes.shape[2])
        guard content.rows != 0..<height || content.columns != 0..<width else { return numbers }
        let result = try numbers.zerosLike()
        try result[TensorIndex.all, content.rows, content.columns]
            .copyInPlace(numbers[TensorIndex.all, content.rows, content.columns])
        return result
    }
}
