import FixtureSupport
import Testing
import Torch
import TorchFixtures

extension TorchParity {
    @Test func operators() throws {
        let fixture = try Fixtures.case("torch", "operators")
        let names = try fixture.parameters["names"].strings
        #expect(Set(names) == Set(Self.operators.keys))
        for name in names {
            guard let function = Self.operators[name] else { continue }
            let prefix = "in.\(name)."
            let leaves = try fixture.keys(startingWith: prefix).sorted().map { key in
                let tensor = try fixture.deviceTensor(key)
                return try fixture.has(key.replacing("in.", with: "grad.", maxReplacements: 1))
                    ? tensor.requiringGrad() : tensor
            }
            let results = try function(leaves)
            #expect(results.count == fixture.keys(startingWith: "out.\(name).").count, "\(name)")
            var differentiable: [Tensor] = []
            var seeds: [Tensor] = []
            for (index, result) in results.enumerated() {
                try fixture.expectEqual("out.\(name).\(index)", result)
                guard fixture.has("seed.\(name).\(index)") else { continue }
                differentiable.append(result)
                seeds.append(try fixture.deviceTensor("seed.\(name).\(index)"))
            }
            guard !differentiable.isEmpty else { continue }
            try Tensor.backward(differentiable, seeds: seeds)
            for (index, leaf) in leaves.enumerated() where leaf.requiresGrad {
                let gradient = try #require(leaf.grad, "\(name) has no gradient")
                try fixture.expectEqual("grad.\(name).\(index)", gradient)
            }
        }
    }

    private typealias Function = @Sendable ([Tensor]) throws -> [Tensor]

    private static var mask: Tensor {
        get throws { try here(Tensor([[true, false, true], [false, true, true]] as [[Bool]])) }
    }

    private static var classes: Tensor { get throws { try here(Tensor([1, 0, 3])) } }

    private static func integers(_ rows: [[Int]]) throws -> Tensor { try here(Tensor(rows)) }

    private static func here(_ tensor: Tensor) throws -> Tensor { try tensor.to(device: TestDevice.current) }

    private static let operators = arithmetic.merging(network) { $1 }.merging(structure) { $1 }

    private static let arithmetic: [String: Function] = [
        "add": { [try $0[0] + $0[1]] },
        "subtract": { [try $0[0] - $0[1]] },
        "multiply": { [try $0[0] * $0[1]] },
        "divide": { [try $0[0] / $0[1]] },
        "remainder": { [try $0[0] % 0.7] },
        "scalar": { [try (3 - $0[0] * 2 + 1) / 4] },
        "reciprocal-scalar": { [try 2 / $0[0]] },
        "power": { [try $0[0].power(2.5)] },
        "exp": { [try $0[0].exp()] },
        "log": { [try $0[0].log()] },
        "log1p": { [try $0[0].log1p()] },
        "sqrt": { [try $0[0].sqrt()] },
        "rsqrt": { [try $0[0].reciprocalSquareRoot()] },
        "abs": { [try $0[0].abs()] },
        "erf": { [try $0[0].erf()] },
        "sin": { [try $0[0].sin()] },
        "cos": { [try $0[0].cos()] },
        "clamp": { [try $0[0].clamped(min: -0.5, max: 0.7)] },
        "minimum": { [try Tensor.minimum($0[0], $0[1])] },
        "maximum": { [try Tensor.maximum($0[0], $0[1])] },
        "where": { [try $0[0].where(mask, otherwise: $0[1])] },
        "masked-fill": { [try $0[0].maskedFill(mask, with: 5.0)] },
        "floor": { [try $0[0].floor()] },
        "round": { [try $0[0].rounded()] },
        "matmul": { [try $0[0].matmul($0[1])] },
        "matmul-batched": { [try $0[0].matmul($0[1])] },
        "matmul-vector": { [try $0[0].matmul($0[1])] },
        "einsum": { [try Tensor.einsum("nqd,nkd->nqk", $0)] },
        "linear": { [try $0[0].linear($0[1], $0[2])] },
        "outer": { [try $0[0].outer($0[1])] },
        "normalize": { [try $0[0].normalized()] },
        "less": { [try $0[0] .< $0[1]] },
        "greater-equal": { [try $0[0] .>= 0.1] },
        "logical": { [try ($0[0] .> -0.5) .&& .!($0[0] .> 0.5)] },
        "interpolated-share": { [try $0[0].interpolated(to: $0[1], share: 0.3)] },
    ]

    private static let network: [String: Function] = [
        "conv2d": { [try $0[0].conv2d($0[1], $0[2], stride: 2, padding: 1)] },
        "conv2d-uneven": {
            [
                try $0[0].conv2d(
                    $0[1], stride: Size2D(1, 2), padding: Size2D(2, 0), dilation: Size2D(2, 1))
            ]
        },
        "conv2d-groups": { [try $0[0].conv2d($0[1], $0[2], groups: 2)] },
        "conv-transpose2d": { [try $0[0].convTranspose2d($0[1], $0[2], stride: 2)] },
        "conv-transpose2d-padded": {
            [try $0[0].convTranspose2d($0[1], stride: 2, padding: 1, outputPadding: 1)]
        },
        "max-pool2d": { [try $0[0].maxPool2d(3, stride: 2, padding: 1)] },
        "max-pool2d-ceil": { [try $0[0].maxPool2d(1, stride: 2, ceilMode: true)] },
        "average-pool2d": { [try $0[0].averagePool2d(2)] },
        "average-pool2d-padded": {
            [try $0[0].averagePool2d(3, stride: 2, padding: 1, countsPadding: false)]
        },
        "adaptive-average-pool2d": { [try $0[0].adaptiveAveragePool2d(Size2D(3, 2))] },
        "upsample-nearest": { [try $0[0].interpolated(to: Size2D(7, 9), .nearest)] },
        "upsample-bilinear": { [try $0[0].interpolated(to: Size2D(7, 9))] },
        "upsample-bilinear-corners": { [try $0[0].interpolated(to: Size2D(7, 9), alignCorners: true)] },
        "upsample-bicubic": { [try $0[0].interpolated(to: Size2D(7, 9), .bicubic)] },
        "downsample-bilinear-antialias": { [try $0[0].interpolated(to: Size2D(3, 4), antialias: true)] },
        "downsample-bicubic-antialias": {
            [try $0[0].interpolated(to: Size2D(3, 4), .bicubic, antialias: true)]
        },
        "grid-sample": { [try $0[0].gridSample($0[1])] },
        "unfold": { [try $0[0].unfolded(3, stride: 2, padding: 1)] },
        "pad-constant": { [try $0[0].padded([1, 2, 0, 1], value: 0.5)] },
        "pad-reflect": { [try $0[0].padded([1, 2, 0, 1], .reflect)] },
        "pad-replicate": { [try $0[0].padded([1, 2, 0, 1], .replicate)] },
        "group-norm": { [try $0[0].groupNorm(2, weight: $0[1], bias: $0[2])] },
        "layer-norm": { [try $0[0].layerNorm([6], weight: $0[1], bias: $0[2], epsilon: 1e-6)] },
        "embedding": { [try integers([[2, 0], [1, 2]]).embedded(in: $0[0])] },
        "relu": { [try $0[0].relu()] },
        "leaky-relu": { [try $0[0].leakyRelu(slope: 0.1)] },
        "gelu": { [try $0[0].gelu()] },
        "gelu-tanh": { [try $0[0].gelu(tanh: true)] },
        "quick-gelu": { [try $0[0].quickGELU()] },
        "silu": { [try $0[0].silu()] },
        "sigmoid": { [try $0[0].sigmoid()] },
        "log-sigmoid": { [try $0[0].logSigmoid()] },
        "softplus": { [try $0[0].softplus()] },
        "hard-swish": { [try $0[0].hardSwish()] },
        "tanh": { [try $0[0].tanh()] },
        "softmax": { [try $0[0].softmax(-1)] },
        "log-softmax": { [try $0[0].logSoftmax(0)] },
        "cross-entropy": { [try $0[0].crossEntropy(classes)] },
        "cross-entropy-weighted": {
            [try $0[0].crossEntropy(classes, weight: $0[1].detached(), ignoring: 0, reduction: .sum)]
        },
        "cross-entropy-smooth": { [try $0[0].crossEntropy(classes, labelSmoothing: 0.1, reduction: .none)] },
        "nll": { [try $0[0].negativeLogLikelihood(classes)] },
        "bce-logits": { [try $0[0].binaryCrossEntropyWithLogits($0[1].detached())] },
        "bce": { [try $0[0].binaryCrossEntropy($0[1].detached(), reduction: .sum)] },
        "smooth-l1": { [try $0[0].smoothL1($0[1], beta: 0.5)] },
        "smooth-l1-zero": { [try $0[0].smoothL1($0[1], beta: 0)] },
        "huber": { [try $0[0].huber($0[1], delta: 0.111, reduction: .sum)] },
        "l1": { [try $0[0].l1($0[1], reduction: .none)] },
        "mse": { [try $0[0].meanSquaredError($0[1])] },
        "attention": { [try Tensor.attention(query: $0[0], key: $0[1], value: $0[2])] },
        "attention-causal": {
            [try Tensor.attention(query: $0[0], key: $0[1], value: $0[2], isCausal: true)]
        },
        "attention-mask": {
            [try Tensor.attention(query: $0[0], key: $0[1], value: $0[2], mask: mask, scale: 0.3)]
        },
    ]

    private static let structure: [String: Function] = [
        "gather": { [try $0[0].gathered(1, integers([[0, 2], [1, 1]]))] },
        "scatter": { [try $0[0].scattered(1, integers([[0], [2]]), $0[1])] },
        "scatter-add": { [try $0[0].scatterAdded(1, integers([[0, 0], [2, 1]]), $0[1])] },
        "index-select": { [try $0[0].indexSelected(0, here(Tensor([2, 0, 2])))] },
        "index-add": { [try $0[0].indexAdded(0, here(Tensor([1, 1])), $0[1])] },
        "index-slices": { [try $0[0][1..., TensorIndex.ellipsis, TensorIndex.every(2)]] },
        "index-mask": { [try $0[0][mask]] },
        "index-tensor": { [try $0[0][TensorIndex.all, [2, 0]]] },
        "index-negative": { [try $0[0][-1, TensorIndex.newAxis, TensorIndex.all, (-2)...]] },
        "topk": {
            let (values, indices) = try $0[0].topk(3)
            return [values, indices]
        },
        "sort": {
            let (values, indices) = try $0[0].sorted(0, descending: true)
            return [values, indices]
        },
        "cat": { [try Tensor.cat($0, dimension: 1)] },
        "stack": { [try Tensor.stack($0, dimension: -1)] },
        "split": { try $0[0].split([1, 3], dimension: 1) },
        "chunk": { try $0[0].chunked(2, dimension: -1) },
        "unbind": { try $0[0].unbound(1) },
        "sum": { [try $0[0].sum([0, 2], keepDimensions: true)] },
        "mean": { [try $0[0].mean()] },
        "variance": { [try $0[0].variance([1])] },
        "standard-deviation": { [try $0[0].standardDeviation([1], correction: 0)] },
        "product": { [try $0[0].product(1)] },
        "amax": { [try $0[0].max(over: [0, 1])] },
        "max-along": {
            let (values, indices) = try $0[0].max(1)
            return [values, indices]
        },
        "min-of-all": { [try $0[0].min()] },
        "argmax": { [try $0[0].argmax(1)] },
        "log-sum-exp": { [try $0[0].logSumExp([1])] },
        "cumulative-sum": { [try $0[0].cumulativeSum(1)] },
        "norm": { [try $0[0].norm([1])] },
        "norm-one": { [try $0[0].norm(order: 1)] },
        "permute": { [try $0[0].permuted([2, 0, 1])] },
        "reshape": { [try $0[0].transposed(0, 1).reshaped([4, -1])] },
        "expand": { [try $0[0].unsqueezed(0).expanded([3, -1, 2])] },
        "repeat": { [try $0[0].repeated([2, 3])] },
        "repeat-interleave": { [try $0[0].repeatInterleaved(2, dimension: 0)] },
        "flip": { [try $0[0].flipped([-1])] },
        "roll": { [try $0[0].rolled([1], dimensions: [1])] },
        "lower-triangle": { [try $0[0].lowerTriangle(-1)] },
        "diagonal": { [try $0[0].diagonal(1)] },
        "one-hot": { [try here(Tensor([2, 0])).oneHot(classCount: 3) * $0[0].to(.int64)] },
        "nonzero": { [try ($0[0] .> 0).nonzeroIndices()] },
    ]
}
