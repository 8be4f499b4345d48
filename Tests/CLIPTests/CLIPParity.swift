import FixtureSupport
import Testing
import Torch

/// Values recorded from transformers and OpenCLIP (`clip` fixtures).
///
/// Every case folder is dispatched by its kind, which follows from what it holds; unknown kinds fail.
@Suite struct CLIPParity {
    enum Kind: Hashable {
        /// A model folder in transformers' names.
        case huggingFaceModel
        /// OpenAI's names, with a ResNet.
        case openAIResNet
        /// Texts and their ids.
        case tokenizer
    }

    static func kind(of fixture: FixtureCase) throws -> Kind {
        let files = try fixture.json["files"].object.keys
        if files.contains("model/") { return .huggingFaceModel }
        if fixture.json.optional("expected")?.optional("items") != nil { return .tokenizer }
        if files.contains("model.pt"), fixture.has("out.c5") { return .openAIResNet }
        throw FixtureError("\(fixture.name) is of no kind that these tests know")
    }

    static func cases(_ kind: Kind) throws -> [FixtureCase] {
        try Fixtures.cases("clip").filter { try self.kind(of: $0) == kind }
    }

    @Test func everyCaseIsUnderstood() throws {
        for fixture in try Fixtures.cases("clip") { _ = try Self.kind(of: fixture) }
    }
}

extension FixtureCase {
    /// A recorded tensor as an own copy.
    func torchTensor(_ key: String) throws -> Tensor { try Tensor(tensor(key)).clone() }

    /// Expects a result to be the recorded tensor `key`, in shape and values.
    func expectEqual(
        _ key: String, _ got: Tensor, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let difference =
            try tensor(key).dtype.isFloatingPoint
            ? try self.difference(key, got.array(of: Float.self), shape: got.shape)
            : try self.difference(key, got.array(of: Int64.self), shape: got.shape)
        if let difference { Issue.record("\(difference)", sourceLocation: sourceLocation) }
    }
}
