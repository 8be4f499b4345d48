import FixtureSupport
import Foundation
import Imaging
import Testing

@testable import FVLMNetworks

/// Names of files that are not UTF-8, as words of the command line and as the folder that one works in: every command reads and
/// writes them.
@Suite struct PathBytesTests {
    private static let clip = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Models/emoji-clip").path

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let training = try SmallTraining(in: folder, steps: 1)
        let text = String(decoding: folder.bytes("train.yaml"), as: UTF8.self)
            .replacing(SmallDetector.clip, with: "clip/model.pt")
        try folder.write(text, Path.last(training.configuration))
        try SmallDetector.write(to: folder.file("model"))
        try FileManager.default.copyItem(
            atPath: URL(filePath: SmallDetector.clip).deletingLastPathComponent().path,
            toPath: folder.file("clip"))
        try folder.write(
            #"[{"image_id": 0, "category_id": 1, "bbox": [8, 10, 32, 24], "score": 0.9}]"#, "results.json")
        _ = try Program(
            shell:
                "d=$(printf 'caf\\351'); mkdir \"$d\" && mv train train.json train.yaml model clip results.json \"$d\"",
            in: folder.path)
    }

    /// Runs a line in the folder, or beside it with the folder in its paths.
    private func run(_ line: String, inside: Bool) throws -> Program {
        try Program(
            shell: inside
                ? "cd \"$(printf 'caf\\351')\" && D=. && \(line)"
                : "D=$(printf \"$PWD/caf\\351\") && \(line)", in: folder.path)
    }

    /// The report's page is somewhere else than the pictures, to which it leads by their bytes.
    @Test("A20: links of a page") func links() throws {
        let run = try run(
            #"fvlm analyze -g "$D/train.json" -d "$D/results.json" --images "$D/train" --output page && grep -o 'caf%E9/train' page/index.html"#,
            inside: false)
        #expect(run.status == 0 && run.output.contains("caf%E9/train"), "\(run.output)\(run.errors)")
    }

    @Test("A20: every command", arguments: [true, false]) func everyCommand(_ inside: Bool) throws {
        let model = #"--model "$D/model" --clip "$D/clip/model.pt" --set input.size=64 --threads 1"#
        for line in [
            #"fvlm score -g "$D/train.json" -d "$D/results.json" --plots "$D/plots""#,
            #"fvlm check-dataset "$D/train.json" --images "$D/train""#,
            #"fvlm analyze -g "$D/train.json" -d "$D/results.json" --images "$D/train" --output "$D/report""#,
            #"fvlm convert-dataset "$D/train.json" "$D/yolo" --to yolo --images "$D/train""#,
            #"fvlm convert-dataset "$D/yolo" "$D/back.json""#,
            #"fvlm split subsample "$D/train.json" --count 2 -o "$D/two.json" --rest "$D/rest.json""#,
            #"fvlm split from-yolo "$D/yolo/data.yaml" -o "$D/again.json""#,
            #"fvlm inspect "$D/clip/model.pt""#,
            #"fvlm embed text dog --model "$D/clip/model.pt" --output "$D/text.safetensors""#,
            #"fvlm embed image "$D/train" --model "$D/clip/model.pt" --output "$D/image.safetensors""#,
            #"fvlm vocabulary build --classes "dog, bus" --templates single --model "$D/clip/model.pt" --output "$D/v.safetensors""#,
            #"fvlm vocabulary show "$D/v.safetensors""#,
            #"fvlm detect "$D/train/0.png" \#(model) --vocabulary "$D/v.safetensors" --results "$D/r.json" --format coco --output "$D/drawn""#,
            #"fvlm detect "$D/train" \#(model) --vocabulary "$D/v.safetensors" --results "$D/labels" --format yolo"#,
            #"fvlm evaluate --annotations "$D/train.json" --images "$D/train" \#(model) --templates single --results "$D/e.json" --report "$D/page""#,
            #"fvlm train "$D/train.yaml" --output "$D/run" --threads 1"#,
            #"fvlm train "$D/train.yaml" --output "$D/run" --threads 1 --resume --set run.steps=2"#,
            #"fvlm cache "$D/train.yaml" --views 1 --output "$D/cache" --threads 1"#,
            #"fvlm detect "$D/train/0.png" --model "$D/run/model" --json --threads 1"#,
        ] {
            let run = try run(line, inside: inside)
            // Its data set has faults, which check-dataset tells by its status.
            #expect(run.status == (line.contains("check-dataset") ? 65 : 0), "\(line): \(run.errors)")
        }
        // The cache of models, named by the environment; a program that is installed there.
        let cached = try run(
            #"mkdir -p "$D/hub/models--a--b/refs" "$D/hub/models--a--b/snapshots" && printf c > "$D/hub/models--a--b/refs/main" && "#
                + #"cp -r '\#(Self.clip)' "$D/hub/models--a--b/snapshots/c" && HF_HOME="$D" && export HF_HOME && "#
                + #"fvlm embed text dog --model a/b --output "$D/t.safetensors" && "#
                + #"ln -s "$fvlm" "$D/fvlm" && ln -s "$fvlm-networks" "$D/" && "$D/fvlm" --version && "$D/fvlm" embed --help"#,
            inside: inside)
        #expect(cached.status == 0, "\(cached.errors)")
        // Everything has gone into the folder, under its own name.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
        let missing = try run(#"fvlm detect "$D/gone.png" \#(model) --classes dog"#, inside: inside)
        #expect(missing.status == 1 && missing.errors.contains("gone.png"), "\(missing.errors)")
        #expect(!missing.errors.unicodeScalars.contains { $0.value >= 0x10FF00 })
    }
}

private enum Path {
    static func last(_ path: String) -> String { URL(filePath: path).lastPathComponent }
}
