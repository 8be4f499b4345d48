import FixtureSupport
import Testing
import Torch
import TorchFixtures

extension TorchParity {
    @Test func layers() throws {
        let fixture = try Fixtures.case("torch", "layers")
        for (name, parameters) in try fixture.parameters["layers"].object.sorted(by: { $0.key < $1.key }) {
            let store = ParameterStore()
            let layer = try Self.layer(name, parameters, store.root)
            try store.load(
                RecordedWeights(fixture: fixture, prefix: "weights.\(name).", file: #require(fixture.file)))
            try store.moveToTestDevice()
            store.train(try parameters["training"].bool)

            let input = try fixture.deviceTensor("in.\(name)")
            let takesGradient = fixture.has("grad.\(name).input")
            if takesGradient { try input.setRequiresGrad(true) }
            let output = try layer(input)
            try fixture.expectEqual("out.\(name)", output)
            try output.backward(fixture.deviceTensor("seed.\(name)"))
            if takesGradient { try fixture.expectEqual("grad.\(name).input", #require(input.grad)) }
            for parameter in store.parameters {
                if parameter.role == .weight {
                    try fixture.expectEqual("grad.\(name).\(parameter.name)", #require(parameter.grad))
                } else {
                    try fixture.expectEqual("after.\(name).\(parameter.name)", parameter.value)
                }
            }
        }
    }

    private static func layer(_ name: String, _ parameters: JSONValue, _ scope: ParameterScope) throws
        -> any UnaryLayer
    {
        func size(_ key: String) throws -> Size2D {
            let sides = try parameters[key].ints
            return Size2D(sides[0], sides[1])
        }
        func int(_ key: String) throws -> Int { try parameters[key].int }
        switch name {
        case "linear": return try Linear(scope, inputs: int("inputs"), outputs: int("outputs"))
        case "conv2d", "conv2d-groups":
            return try Conv2d(
                scope, inputs: int("inputs"), outputs: int("outputs"), kernel: size("kernel"),
                stride: Size2D(int("stride")), padding: Size2D(int("padding")), groups: int("groups"),
                bias: name == "conv2d")
        case "conv-transpose2d":
            return try ConvTranspose2d(
                scope, inputs: int("inputs"), outputs: int("outputs"), kernel: size("kernel"),
                stride: Size2D(int("stride")))
        case "batch-norm2d-train", "batch-norm2d-eval":
            return try BatchNorm2d(
                scope, channels: int("channels"), epsilon: parameters["epsilon"].double,
                momentum: parameters["momentum"].double)
        case "group-norm": return try GroupNorm(scope, groups: int("groups"), channels: int("channels"))
        case "layer-norm": return try LayerNorm(scope, width: int("width"))
        case "attention-packed":
            return SelfAttention(
                attention: try MultiHeadAttention(scope / "inner", width: int("width"), heads: int("heads")))
        case "attention-separate":
            return SelfAttention(
                attention: try MultiHeadAttention(
                    scope, width: int("width"), heads: int("heads"), layout: .named))
        case "embedding": return try Embedding(scope, count: int("count"), width: int("width"))
        default: throw FixtureError("layer '\(name)' is not known")
        }
    }
}

private struct SelfAttention: UnaryLayer {
    let attention: MultiHeadAttention

    func callAsFunction(_ input: Tensor) throws -> Tensor { try attention(input) }
}

/// The tensors of a case under a prefix, without it.
struct RecordedWeights: WeightSource {
    let fixture: FixtureCase
    let prefix: String
    let file: Safetensors

    var origin: String { "\(fixture.name) \(prefix)" }
    var keys: [String] { fixture.keys(startingWith: prefix).map { String($0.dropFirst(prefix.count)) } }

    func tensor(named name: String) throws -> StoredTensor { try file.tensor(named: prefix + name) }
}
