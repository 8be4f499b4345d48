import Imaging
import Torch

/// How 8-bit colours become the network's numbers: (value / 255 - mean) / standard deviation, each channel by itself.
public struct PixelNormalization: Sendable, Hashable, Codable {
    /// Means of red, green, blue, between 0 and 1.
    public var mean: [Double]

    /// Standard deviations of red, green, blue.
    public var standardDeviation: [Double]

    /// A normalisation by these numbers, three each.
    public init(mean: [Double], standardDeviation: [Double]) {
        self.mean = mean
        self.standardDeviation = standardDeviation
    }

    /// What CLIP was trained with.
    public static let clip = PixelNormalization(
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        standardDeviation: [0.268_629_54, 0.261_302_58, 0.275_777_11])

    /// The means and standard deviations of ImageNet.
    public static let imageNet = PixelNormalization(
        mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])

    /// The picture as [3, H, W] `float32`.
    ///
    /// Computed on the calling thread alone: libtorch's own threads are left to the network.
    /// - Throws: ``TrainingError`` unless there are three means and three positive deviations; `TorchError`.
    public func callAsFunction(_ image: Image) throws -> Tensor {
        let tables = try tables()
        let tensor = try Tensor.empty([3, image.height, image.width])
        let count = image.height * image.width
        try tensor.withMutableBytes { bytes in
            let target = bytes.bindMemory(to: Float.self)
            image.pixels.withUnsafeBufferPointer { pixels in
                for channel in 0..<3 {
                    tables[channel].withUnsafeBufferPointer { table in
                        let plane = UnsafeMutableBufferPointer(
                            rebasing: target[(channel * count)..<((channel + 1) * count)])
                        var source = channel
                        for place in 0..<count {
                            plane[place] = table[Int(pixels[source])]
                            source += 3
                        }
                    }
                }
            }
        }
        return tensor
    }

    /// What each of the 256 values of each channel becomes.
    private func tables() throws -> [[Float]] {
        guard mean.count == 3, standardDeviation.count == 3,
            standardDeviation.allSatisfy({ $0 > 0 && $0.isFinite }), mean.allSatisfy(\.isFinite)
        else {
            throw TrainingError(
                "normalisation",
                "needs three means and three positive deviations, has \(mean) and \(standardDeviation)")
        }
        return (0..<3).map { channel in
            (0..<256).map { value in
                Float((Double(value) / 255 - mean[channel]) / standardDeviation[channel])
            }
        }
    }
}
