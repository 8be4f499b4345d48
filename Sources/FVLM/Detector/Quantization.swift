import Foundation
import Support
import Torch

/// How a detector's products are computed in eight bits, and the pictures that say so. It is kept in `quantization.json` in the
/// detector's folder and used only where it is asked for.
///
/// ```swift
/// let detector = try Detector.load("model")
/// let quantization = try detector.quantization(of: [Image(contentsOf: "a.jpg"), Image(contentsOf: "b.jpg")])
/// try quantization.write(to: ModelFolder("model").quantization)
///
/// var options = Detector.LoadingOptions()
/// options.precision = .int8
/// let fast = try Detector.load("model", options: options)
/// ```
public struct Quantization: Codable, Sendable, Hashable {
    /// A layer, and what was seen of it.
    public struct Layer: Codable, Sendable, Hashable {
        /// What its products are computed in.
        public enum Precision: String, Codable, Sendable, Hashable {
            /// Products of bytes, of weights and of inputs.
            case int8
            /// Products of bfloat16: bytes would lose too much.
            case bfloat16
        }

        /// The part that the layer belongs to.
        public enum Part: String, Codable, Sendable, Hashable {
            /// The frozen CLIP.
            case clip
            /// The detector's own network.
            case network
        }

        /// The part.
        public var part: Part

        /// The path of the layer's parameters in its part.
        public var name: String

        /// What its products are computed in.
        public var precision: Precision

        /// What bytes lose of the layer's results on the pictures, as a share of them (root mean square).
        public var error: Double

        /// The layer's share of all products that were looked at.
        public var share: Double

        /// The range of its inputs that is told apart, and the factors of their channels.
        package var range: ActivationRange
    }

    private var format = Self.format
    private var version = 1

    /// A digest of the detector's trained weights.
    public var detector: String

    /// The identity of its CLIP.
    public var clip: String

    /// The side of the pictures as the network saw them, in pixels.
    public var inputSize: Int

    /// The number of pictures.
    public var pictures: Int

    /// A digest of the pictures as the network saw them.
    public var picturesDigest: String

    /// How the layers were chosen that are not computed in bytes.
    public var choice: Choice

    /// What decides which layers are left in `bfloat16`.
    public struct Choice: Codable, Sendable, Hashable {
        /// A layer of whose results bytes lose a larger share is left in `bfloat16`.
        public var errorLimit = 0.1

        /// The layers of which bytes lose most are left in `bfloat16` too, up to this share of all products: small layers
        /// cost little time and may lose much.
        public var bfloat16Share = 0.03

        /// Creates the default choice.
        public init() {}
    }

    /// The layers; those that are not named compute in `float32`.
    public var layers: [Layer]

    private static let format = "fvlm-quantization"

    /// The name of the file in a detector's folder.
    public static let fileName = "quantization.json"

    init(
        detector: String, clip: String, inputSize: Int, pictures: Int, picturesDigest: String,
        choice: Choice, layers: [Layer]
    ) {
        self.detector = detector
        self.clip = clip
        self.inputSize = inputSize
        self.pictures = pictures
        self.picturesDigest = picturesDigest
        self.choice = choice
        self.layers = layers
    }

    /// Reads a file written by ``write(to:)``.
    /// - Throws: `ConfigurationError` with the path.
    public init(contentsOf path: String) throws {
        guard FileStatus(path) != nil else {
            throw ConfigurationError(
                origin: path,
                reason: "does not exist: bytes need the ranges that fvlm quantize finds on some pictures",
                exitStatus: .failure)
        }
        let bytes: [UInt8]
        do { bytes = try FileBytes(contentsOf: path, access: .read).array } catch {
            throw ConfigurationError(origin: path, reason: "cannot be read: \(error)", exitStatus: .failure)
        }
        guard let read: Self = try? JSONText.value(of: bytes), read.format == Self.format, read.version == 1,
            read.layers.allSatisfy(\.range.isUsable)
        else {
            throw ConfigurationError(
                origin: path, reason: "is not a quantization; make one with fvlm quantize")
        }
        self = read
    }

    /// Writes a JSON file.
    /// - Throws: `ConfigurationError`.
    public func write(to path: String) throws {
        let text = try JSONText.document(self) + "\n"
        do { try AtomicFile.write(text, to: path) } catch { throw ConfigurationError(error) }
    }

    /// Why eight bits cannot be computed here; nil if they can.
    public static var refusal: String? { EightBitSupport.refusal }
}
