import FixtureSupport
import Foundation
import Imaging
import Testing

/// What the commands with networks make of streams that cannot be written, and of what is not there.
@Suite struct StreamAndStatusTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
        for name in ["a", "b"] {
            try Image(width: 48, height: 32, filledWith: .white).write(
                to: folder.write("", "pic/\(name).png"))
        }
        _ = try Program(
            [
                "vocabulary", "build", "--classes", "dog", "--templates", "single", "--model",
                SmallDetector.clip,
                "--output", folder.file("v.safetensors"),
            ])
    }

    private func words(_ line: String) -> [String] {
        line.split(separator: " ").map { $0 == "CLIP" ? SmallDetector.clip : String($0) }
    }

    @Test(
        "A08, B17: standard output",
        arguments: [
            "detect pic --model model --vocabulary v.safetensors --set input.size=64",
            "detect pic --model model --vocabulary v.safetensors --set input.size=64 --json",
            "detect pic --model model --vocabulary v.safetensors --set input.size=64 --format coco",
            "embed image pic --model CLIP --json", "embed text dog --model CLIP --json",
            "embed image pic --model CLIP --classes dog", "vocabulary show v.safetensors",
            "vocabulary show v.safetensors --json", "inspect CLIP", "inspect CLIP --json", "train --defaults",
        ]) func standardOutput(_ line: String) throws
    {
        for (stream, reason) in [
            (Program.Stream.full, "No space left on device"), (.closed, "Bad file descriptor"),
        ] {
            let run = try Program(words(line), output: stream, in: folder.path)
            #expect(run.status == 1, "\(line) \(run.status)")
            #expect(
                run.errors.contains("error: standard output: cannot be written: \(reason)"), "\(run.errors)")
        }
    }

    /// Notes, progress and errors that nobody can read change nothing.
    @Test(
        "A02: standard error",
        arguments: [
            ("detect pic none.png --model model --vocabulary v.safetensors --set input.size=64 --json", 1),
            ("detect pic --model none", 1), ("embed text dog --model CLIP --json", 0),
            ("vocabulary merge v.safetensors --output w.safetensors", 0),
            ("vocabulary build --classes cat --templates single --model CLIP --output w.safetensors", 0),
            ("train none.yaml", 1), ("detect --frob", 64),
        ]) func standardError(_ line: String, _ status: Int32) throws
    {
        for stream in [Program.Stream.full, .closed] {
            let run = try Program(words(line), errors: stream, in: folder.path)
            #expect(run.status == status, "\(line): \(run.status)")
        }
    }

    /// What is not there ends with 1, before any work; the message has the path and no words of the system's libraries.
    @Test(
        "A23: what is not there",
        arguments: [
            "detect none.png --model model --vocabulary v.safetensors", "detect pic --model none",
            "detect pic --model model --clip none/x", "detect pic --model model --vocabulary none",
            "detect pic --model model --classes-file none",
            "detect pic --model model --classes a --templates none",
            "detect pic --model model --vocabulary v.safetensors --results none/r.json",
            "embed image none.png --model CLIP --json", "embed text --file none --model CLIP --json",
            "embed text dog --model none/x --json", "embed text dog --model CLIP --tokenizer none --json",
            "embed text dog --model CLIP --output none/x.safetensors",
            "embed image pic --model CLIP --output none/x.safetensors",
            "vocabulary build --classes a --model CLIP --output none/v.safetensors",
            "vocabulary build --classes-file none --model CLIP --output w.safetensors",
            "vocabulary show none",
            "vocabulary merge none --output w.safetensors",
            "vocabulary merge v.safetensors --output none/w.safetensors",
            "evaluate --model model --annotations none.json --images pic",
            "evaluate --model model --annotations none.json --images pic --results none/r.json",
            "evaluate --model model --annotations a.json --images none",
            "evaluate --model model --suite none",
            "train none.yaml", "cache none.yaml --views 1 --output none2",
            "train x.yaml --set detector.clip=none", "train y.yaml --set data.images=none",
            "train y.yaml --set data.validationAnnotations=a.json --set data.validationImages=none",
            "cache y.yaml --set data.images=none --views 1 --output none2",
            "convert official none.ckpt --clip CLIP --output none2",
            "convert detectron2 --model none --output w.pth",
            "convert detectron2 --model model --output none/w.pth",
        ]) func whatIsNotThere(_ line: String) throws
    {
        try folder.write("detector: {clip: none/clip}\ndata: {annotations: a.json, images: pic}\n", "x.yaml")
        try folder.write(
            "preset: published-small\ndetector: {clip: \(SmallDetector.clip)}\n"
                + "data: {annotations: a.json, images: pic}\ntexts: {templates: single}\n", "y.yaml")
        try folder.write(
            #"{"images": [{"id": 1, "file_name": "a.png", "width": 48, "height": 32}], "annotations": "#
                + #"[{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 2, 20, 20], "area": 400}], "#
                + #""categories": [{"id": 1, "name": "dog"}]}"#, "a.json")
        let before = folder.names
        let run = try Program(words(line), in: folder.path)
        #expect(run.status == 1 && run.errors.contains("none"), "\(run.status) \(run.errors)")
        for word in ["NSCocoa", "UserInfo", "could not be completed", "The file"] {
            #expect(!run.errors.contains(word), "\(run.errors)")
        }
        #expect(folder.names == before)
    }

    /// No room for a drawing, an embedding, a vocabulary: one message, status 1.
    @Test(
        "A23: no room",
        arguments: [
            "detect pic --model model --vocabulary v.safetensors --set input.size=64 --output drawn",
            "detect pic --model model --vocabulary v.safetensors --set input.size=64 --results r.json",
            "embed image pic --model CLIP --output x.safetensors",
            "embed text dog --model CLIP --output x.safetensors",
            "vocabulary merge v.safetensors --output w.safetensors",
        ]) func noRoom(_ line: String) throws
    {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments =
            ["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\" 2>&1", Program.path] + words(line)
        process.currentDirectoryURL = URL(filePath: folder.path)
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 1, "\(text)")
        #expect(
            text.contains("File too large") && text.components(separatedBy: "error:").count == 2, "\(text)")
    }
}
