import CLIP
import FixtureSupport
import Testing
import Torch
import WeightFiles

/// CLIP against transformers and open_clip, over every recorded case. Each aspect is a file of its own; which
/// aspects a case has follows from its tensors and files.
@Suite struct CLIPParity {
    @Test(arguments: try Fixtures.cases("clip"))
    func recordedCase(_ recorded: FixtureCase) throws {
        var aspects = 0
        if recorded.optionalExpectation("items") != nil {
            try compareTokenizer(recorded)
            aspects += 1
        }
        if recorded.has("out.input_ids") {
            try compareTexts(recorded)
            aspects += 1
        }
        if recorded.has("out.pixel_values") {
            try comparePreprocessing(recorded)
            aspects += 1
        }
        if recorded.has("out.value_map") {
            for file in ["", "/model.safetensors", "/pytorch_model.bin"] {
                try compareVisionTransformer(recorded, model: recorded.path("model") + file)
            }
            aspects += 1
        }
        if recorded.has("out.text.last_hidden_state") {
            try compareTextTransformer(recorded, model: recorded.path("model"))
            aspects += 1
        }
        if recorded.has("out.c5") {
            for file in ["model.safetensors", "model.pt"] {
                try compareResNet(recorded, model: recorded.path(file))
            }
            try compareFileTypes(recorded)
            aspects += 1
        }
        if recorded.has("out.logits_per_image") {
            let isFolder = recorded.has("out.value_map")
            try compareLogits(recorded, model: recorded.path(isFolder ? "model" : "model.pt"))
            aspects += 1
        }
        if aspects == 0 { Issue.record("\(recorded) is of no known kind") }
    }
}

extension FixtureCase {
    /// A value of `expected`, nil when it has none of this name.
    func optionalExpectation(_ key: String) -> JSONValue? { try? expected[key] }
}
