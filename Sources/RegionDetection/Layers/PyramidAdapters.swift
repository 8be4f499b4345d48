/// Makes four maps from a single one, such as the tokens of a vision transformer: for each, a 1x1 convolution followed
/// by bilinear upsampling.
///
/// Parameters: `res2` ... `res5` (`weight`, `bias`). Adds no detail, whereas ``SimpleFeaturePyramid`` learns some.
package struct BilinearAdapter: Sendable {
    private let convolutions: [Conv2d]
    private let scales: [Int]

    /// Declares an adapter.
    /// - Parameters:
    ///   - scope: The node of the parameter tree that the layer declares its parameters in.
    ///   - inputs: Channels of the map.
    ///   - outputs: Channels of the results, finest first.
    ///   - scales: The upsampling factor of each result.
    /// - Throws: ``DetectionError`` unless there is one scale per result; `TorchError`.
    package init(_ scope: ParameterScope, inputs: Int, outputs: [Int], scales: [Int] = [8, 4, 2, 1]) throws {
        guard outputs.count == scales.count, scales.allSatisfy({ (1...64).contains($0) }) else {
            throw DetectionError("BilinearAdapter", "\(outputs.count) results have the scales \(scales)")
        }
        convolutions = try outputs.enumerated().map { place, outputs in
            try Conv2d(
                scope / "res\(place + 2)", inputs: inputs, outputs: outputs, kernel: 1,
                initializer: .xavierUniform(), biasInitializer: .zeros)
        }
        self.scales = scales
    }

    /// Computes maps [N, outputs, H * scale, W * scale] from a map [N, inputs, H, W].
    package func callAsFunction(_ map: Tensor) throws -> [Tensor] {
        try zip(convolutions, scales).map { convolution, scale in
            let result = try convolution(map)
            guard scale > 1 else { return result }
            // On a GPU the gradient of libtorch's operator adds in any order.
            if Runtime.isDeterministic, !result.device.isProcessor {
                return try Self.enlargedByProducts(result, scale)
            }
            return try result.interpolated(to: Size2D(result.shape[2] * scale, result.shape[3] * scale))
        }
    }

    /// The same enlargement as two matrix products.
    static func enlargedByProducts(_ map: Tensor, _ scale: Int) throws -> Tensor {
        func shares(_ length: Int) throws -> Tensor {
            var shares = [Float](repeating: 0, count: length * scale * length)
            for place in 0..<length * scale {
                let source = max((Float(place) + 0.5) / Float(scale) - 0.5, 0)
                let low = min(Int(source), length - 1)
                shares[place * length + low] += 1 - (source - Float(low))
                shares[place * length + min(low + 1, length - 1)] += source - Float(low)
            }
            return try Tensor(shares, shape: [length * scale, length]).to(
                device: map.device, dtype: map.dtype)
        }
        return try shares(map.shape[2]).matmul(map).matmul(shares(map.shape[3]).transposed(0, 1))
    }
}

/// ViTDet's pyramid from a single map (Li et al., 2022): strides of a quarter, half, one and two times the map's, by
/// transposed convolutions and pooling, each followed by a 1x1 and a 3x3 convolution with layer normalization.
///
/// Parameters are named as in detectron2's `SimpleFeaturePyramid`: `simfp_2.0` ... for a map of stride 16.
package struct SimpleFeaturePyramid: Sendable {
    private let branches: [Sequential]
    private let hasLastLevel: Bool

    /// Declares a pyramid.
    /// - Parameters:
    ///   - scope: The node of the parameter tree that the layer declares its parameters in.
    ///   - inputs: Channels of the map, a multiple of 4.
    ///   - width: Channels of every result.
    ///   - firstLevel: The level of the finest result: 2 for a map of stride 16.
    ///   - normalization: What follows each convolution.
    ///   - hasLastLevel: Whether there is a fifth map, of every second row and column of the coarsest.
    /// - Throws: ``DetectionError`` for channels not divisible by 4; `TorchError`.
    package init(
        _ scope: ParameterScope, inputs: Int, width: Int = 256, firstLevel: Int = 2,
        normalization: Normalization = .layer(), hasLastLevel: Bool = true
    ) throws {
        guard inputs > 0, inputs % 4 == 0 else {
            throw DetectionError("SimpleFeaturePyramid", "\(inputs) channels are not divisible by 4")
        }
        self.hasLastLevel = hasLastLevel
        func enlarging(_ scope: ParameterScope, _ inputs: Int) throws -> any UnaryLayer {
            try ConvTranspose2d(scope, inputs: inputs, outputs: inputs / 2, kernel: 2, stride: 2)
        }
        branches = try (0..<4).map { place in
            let branch = scope / "simfp_\(firstLevel + place)"
            var layers: [any UnaryLayer] = []
            // Indices of the layers in PyTorch's list, which includes the activations.
            var next = 0
            var channels = inputs
            switch place {
            case 0:
                layers.append(try enlarging(branch / 0, inputs))
                if let norm = try normalization.layer(branch / 1, channels: inputs / 2) {
                    layers.append(norm)
                }
                layers.append(Activation.gelu)
                next = normalization == .none ? 3 : 4
                layers.append(try enlarging(branch / (next - 1), inputs / 2))
                channels = inputs / 4
            case 1:
                layers.append(try enlarging(branch / 0, inputs))
                next = 1
                channels = inputs / 2
            case 2: break
            default:
                layers.append(MaxPool())
                next = 1
            }
            for (kernel, inputs) in [(1, channels), (3, width)] {
                layers.append(
                    try NormalizedLayer.convolution(
                        branch / next, inputs: inputs, outputs: width, kernel: kernel,
                        bias: normalization == .none, normalization: normalization, initializer: .caffe2MSRA))
                next += 1
            }
            return Sequential(layers)
        }
    }

    /// Computes the maps, finest first, from a map [N, inputs, H, W].
    package func callAsFunction(_ map: Tensor) throws -> [Tensor] {
        var result = try branches.map { try $0(map) }
        if hasLastLevel, let coarsest = result.last {
            result.append(try coarsest.maxPool2d(1, stride: 2))
        }
        return result
    }

    private struct MaxPool: UnaryLayer {
        func callAsFunction(_ input: Tensor) throws -> Tensor { try input.maxPool2d(2, stride: 2) }
    }
}

/// F-ViT's way from four maps of one stride to four strides (Wu et al., "CLIPSelf", 2024): a quarter and a half of it by
/// transposed convolutions, the same, and twice of it by pooling.
///
/// Parameters: `up4.{0,1,3}`, `up2.0`, numbered as in PyTorch's lists; `1` is a batch normalization.
package struct DeconvolutionAdapter: Sendable {
    private let quarter: Sequential
    private let half: ConvTranspose2d

    /// Declares an adapter.
    /// - Parameters:
    ///   - scope: The node of the parameter tree that the layer declares its parameters in.
    ///   - width: Channels of the maps, before and after.
    /// - Throws: `TorchError` when names are taken.
    package init(_ scope: ParameterScope, width: Int) throws {
        func enlarging(_ scope: ParameterScope) throws -> ConvTranspose2d {
            try ConvTranspose2d(scope, inputs: width, outputs: width, kernel: 2, stride: 2)
        }
        let list = scope / "up4"
        quarter = Sequential([
            try enlarging(list / 0), try BatchNorm2d(list / 1, channels: width), Activation.gelu,
            try enlarging(list / 3),
        ])
        half = try enlarging(scope / "up2" / 0)
    }

    /// Makes the maps [N, width, 4 H, 4 W], [N, width, 2 H, 2 W], [N, width, H, W] and [N, width, H / 2, W / 2], rounded
    /// down, of four maps [N, width, H, W].
    /// - Throws: ``DetectionError`` for another number of maps, `TorchError`.
    package func callAsFunction(_ maps: [Tensor]) throws -> [Tensor] {
        guard maps.count == 4 else {
            throw DetectionError("DeconvolutionAdapter", "takes four maps, but there are \(maps.count)")
        }
        return [try quarter(maps[0]), try half(maps[1]), maps[2], try maps[3].maxPool2d(2, stride: 2)]
    }
}
