import CLIP
import Imaging
import RegionDetection
import Support
import Torch

extension Detector {
    /// Finds how products can be computed in eight bits, on pictures like those that will be looked at.
    ///
    /// Every picture is looked at twice: for the ranges of numbers, and for what bytes lose of each layer's results. Only a
    /// `float32` detector in main memory can be looked into. Nothing changes in this detector.
    /// - Parameters:
    ///   - images: The pictures; 16 to 64 are enough.
    ///   - choice: What decides which layers are left in `bfloat16`.
    ///   - progress: Receives how many of how many passes are done.
    /// - Throws: `ConfigurationError` without pictures, and where bytes are not supported; `DetectionError`, `ImagingError`,
    ///   `TorchError`.
    public func quantization(
        of images: [Image], choice: Quantization.Choice = .init(),
        progress: (_ done: Int, _ count: Int) -> Void = { _, _ in }
    ) throws -> Quantization {
        try quantization(ofPrepared: images.map(prepare), choice: choice, progress: progress)
    }

    /// As ``quantization(of:choice:progress:)`` for pictures prepared with ``prepare(_:)``.
    public func quantization(
        ofPrepared pictures: [PixelValues], choice: Quantization.Choice = .init(),
        progress: (_ done: Int, _ count: Int) -> Void = { _, _ in }
    ) throws -> Quantization {
        try checkBytes()
        guard !pictures.isEmpty else {
            throw ConfigurationError(reason: "there are no pictures to find ranges on")
        }
        return try onQueueNow {
            var digest = SHA256()
            for picture in pictures {
                try picture.tensor(on: .cpu).contiguous().withBytes { digest.update($0) }
            }
            var quantizer = Quantizer(clip: clip.store, network: network.store)
            defer { quantizer.end() }
            quantizer.record()
            for (place, picture) in pictures.enumerated() {
                try lookClosely(at: picture)
                progress(place + 1, 2 * pictures.count)
            }
            try quantizer.compare()
            for (place, picture) in pictures.enumerated() {
                try lookClosely(at: picture)
                progress(pictures.count + place + 1, 2 * pictures.count)
            }
            return Quantization(
                detector: try network.store.digest(), clip: identity.description,
                inputSize: configuration.input.size, pictures: pictures.count,
                picturesDigest: String(digest.finalized().hexadecimal.prefix(16)), choice: choice,
                layers: quantizer.layers(choice))
        }
    }

    /// Computes products in eight bits from now on, or as before with nil.
    /// - Throws: `ConfigurationError` for the quantization of another detector, and where bytes are not supported;
    ///   `TorchError`.
    package func use(_ quantization: Quantization?) throws {
        try onQueueNow {
            let quantizer = Quantizer(clip: clip.store, network: network.store)
            guard let quantization else { return quantizer.end() }
            try checkBytes()
            let (weights, clip) = (try network.store.digest(), identity.description)
            guard weights == quantization.detector, clip == quantization.clip else {
                throw ConfigurationError(
                    origin: Quantization.fileName,
                    reason:
                        "belongs to the detector \(quantization.detector) with the CLIP \(quantization.clip), not to \(weights) with \(clip): run fvlm quantize for this one"
                )
            }
            try quantizer.use(quantization.layers)
        }
    }

    /// - Throws: `ConfigurationError` with the reason why this detector cannot compute in bytes here.
    private func checkBytes() throws {
        if let refusal = Quantization.refusal {
            throw ConfigurationError(
                key: "precision", reason: "int8: \(refusal); use bfloat16 or float32", exitStatus: .failure)
        }
        guard device.isProcessor, try clip.store.parameters.first?.value.dtype == .float32 else {
            throw ConfigurationError(
                key: "precision",
                reason: "int8 is for a float32 detector on the processor, not on \(device)",
                exitStatus: .failure)
        }
    }

    /// The boxes of a picture whose masks are looked into.
    private static let maskCount = 48

    /// Runs all parts of the network on a picture, without words: masks for some of its regions.
    private func lookClosely(at picture: PixelValues) throws {
        let seen = try encoded(
            [picture], configuration.scoring, includesMasks: configuration.network.masks
        ).regions
        guard let levels = seen.maskLevels, let boxes = seen.boxes.first, boxes.count > 0 else { return }
        let best = try seen.objectness[0].flattened().argsorted(descending: true)
            .narrowed(0, start: 0, length: min(Self.maskCount, boxes.count))
        _ = try withoutGradients { try network.maskLogits(levels, boxes: [boxes.selected(best)]) }
    }
}

/// The layers of a detector whose products may be computed in bytes.
struct Quantizer {
    private let forms: [(part: Quantization.Layer.Part, form: ProductForm)]
    private var ranges: [Int: ActivationRange] = [:]

    /// Whether a layer makes embeddings that are compared with words: nothing after it evens out an error.
    private static func isLast(_ form: ProductForm) -> Bool {
        form.name == "projection" || form.name.hasSuffix("attnpool.c_proj")
    }

    init(clip: ParameterStore, network: ParameterStore) {
        forms =
            clip.products.filter { !Self.isLast($0) }.map { (.clip, $0) }
            + network.products.filter { !Self.isLast($0) }.map { (.network, $0) }
    }

    func record() { for (_, form) in forms { form.record() } }

    mutating func compare() throws {
        for (place, entry) in forms.enumerated() {
            guard let range = try entry.form.recordedRange() else { continue }
            ranges[place] = range
            try entry.form.compare(range)
        }
    }

    /// Ends comparing.
    func layers(_ choice: Quantization.Choice) -> [Quantization.Layer] {
        let compared = forms.map { $0.form.compared() }
        let products = compared.reduce(0) { $0 + ($1?.products ?? 0) }
        var layers = forms.indices.compactMap { place -> Quantization.Layer? in
            guard let range = ranges[place], let compared = compared[place] else { return nil }
            return Quantization.Layer(
                part: forms[place].part, name: forms[place].form.name, precision: .int8,
                error: compared.error, share: compared.products / products, range: range)
        }
        var left = choice.bfloat16Share
        for place in layers.indices.sorted(by: { layers[$0].error > layers[$1].error }) {
            if layers[place].error > choice.errorLimit {
                layers[place].precision = .bfloat16
            } else if layers[place].share <= left {
                layers[place].precision = .bfloat16
                left -= layers[place].share
            }
        }
        return layers
    }

    func use(_ layers: [Quantization.Layer]) throws {
        let named = Dictionary(
            forms.map { ("\($0.part.rawValue) \($0.form.name)", $0.form) },
            uniquingKeysWith: { first, _ in first })
        end()
        for layer in layers {
            guard let form = named["\(layer.part.rawValue) \(layer.name)"] else {
                throw ConfigurationError(
                    origin: Quantization.fileName,
                    reason: "the layer \(layer.name) is not in this detector; run fvlm quantize again")
            }
            try form.use(layer.precision == .int8 ? .int8(layer.range) : .bfloat16)
        }
    }

    /// Lets all layers compute as they do of themselves.
    func end() { for (_, form) in forms { try? form.use(nil) } }
}
