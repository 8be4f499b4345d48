import FVLM
import FixtureSupport
import Foundation
import Imaging
import Testing

/// `fvlm track` as a user types it, with a script in place of ffmpeg; `make test-video` uses the real one.
@Suite struct TrackCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
        try "".write(toFile: folder.file("film.mp4"), atomically: true, encoding: .utf8)
        // Six frames of one picture: what is found in them stays where it is.
        var image = try Image(width: 48, height: 32, filledWith: .white)
        for x in 8..<30 {
            for y in 5..<20 { image[x, y] = Color(red: 20, green: UInt8(x * 8), blue: UInt8(y * 12)) }
        }
        try Data(image.pixels).write(to: URL(filePath: folder.file("frame")))
        try script(end: "")
    }

    /// Reading gives six frames, 0.1 seconds apart; writing keeps what is written.
    private func script(end: String) throws {
        let text = """
            #!/bin/sh
            here=$(dirname "$0")
            case " $* " in *" pipe:0 "*) for last; do :; done; cat > "$last"; exit ;; esac
            echo '[info]   Stream #0:0: Video: h264, yuv420p, 48x32, 10 fps, 10 tbr' >&2
            echo '[info] Stream mapping:' >&2
            for n in 0 1 2 3 4 5; do
                echo "[Parsed_showinfo_3 @ 0x1] [info] n: $n pts: $n pts_time:0.$n sar:1/1 s:48x32 i:P" >&2
                cat "$here/frame"
            done
            \(end)

            """
        try text.write(toFile: folder.file("ffmpeg"), atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file("ffmpeg"))
    }

    private func run(_ more: [String]) throws -> Program {
        try Program(
            [
                "track", folder.file("film.mp4"), "--model", folder.file("model"), "--classes", "dog, cat",
                "--score-threshold", "0", "--set", "input.size=64", "--set", "scoring.limit=3", "--threads",
                "1",
            ] + more, environment: ["FVLM_FFMPEG": folder.file("ffmpeg")])
    }

    private func lines(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test func everyFrameHasALineAndObjectsKeepTheirIDs() throws {
        let run = try run(["--batch-size", "4", "--profile"])
        #expect(run.status == 0 && run.errors.contains("ms per frame"), "\(run.errors)")
        let lines = try lines(run.output)
        #expect(lines.compactMap { $0["frame"] as? Int } == Array(0..<6))
        #expect(lines.compactMap { $0["time"] as? Double } == [0, 0.1, 0.2, 0.3, 0.4, 0.5])
        let ids = lines.map { line in
            (line["detections"] as? [[String: Any]] ?? []).map { $0["id"] as? Int ?? 0 }
        }
        // Confirmed in the second frame, and from then on the same.
        #expect(Set(ids[0]) == [0] && ids[1].contains(1))
        #expect(Set(ids[1...].map { $0 }).count == 1)
        let events = try #require(lines[1]["events"] as? [[String: Any]])
        #expect(events.allSatisfy { $0["event"] as? String == "confirmed" } && !events.isEmpty)
    }

    /// How likely a frame has each class, and the errors where frames are not looked at as a whole.
    @Test func presencesOfFrames() throws {
        let lines = try lines(try run(["--presence"]).output)
        let presences = lines.compactMap { $0["presence"] as? [String: Double] }
        #expect(presences.count == 6 && presences.allSatisfy { Set($0.keys) == ["dog", "cat"] })
        #expect(presences.joined().allSatisfy { (0...1).contains($0.value) })
        let tiled = try run(["--presence", "--tile", "32"])
        #expect(tiled.status == 64 && tiled.errors.contains("looked at as a whole"))
        let drawn = try run(["--presence", "--output", folder.file("t.mkv")])
        #expect(drawn.status == 64 && drawn.errors.contains("--results"))
    }

    /// Scores are mapped before objects are followed, and what is below its threshold has no track.
    @Test func scoresAreCalibrated() throws {
        func scores(_ more: [String]) throws -> [[Double]] {
            let run = try run(more)
            #expect(run.status == 0, "\(run.errors)")
            return try lines(run.output).map { line in
                (line["detections"] as? [[String: Any]] ?? []).compactMap { $0["score"] as? Double }
            }
        }
        let missing = try run(["--calibrated"])
        #expect(missing.status != 0 && missing.errors.contains("fvlm calibrate"))
        let plain = try scores([])
        let threshold = try #require(plain.joined().max()) / 2
        let file = try calibration(threshold: mapped(threshold))
        let mapped = try scores(["--calibrated", "--calibration", file])
        #expect(mapped.count == 6 && mapped.map(\.count) == plain.map(\.count))
        for (one, other) in zip(mapped.joined(), plain.joined()) {
            #expect(abs(one - self.mapped(other)) < 1e-3)
        }
        let kept = try scores(["--threshold", "best", "--calibration", file])
        #expect(kept.joined().count == plain.joined().count { $0 >= threshold })
    }

    /// The map of ``calibration(threshold:)``: two are added to the log-odds.
    private func mapped(_ score: Double) -> Double {
        let odds = score / (1 - score) * exp(2.0)
        return odds / (1 + odds)
    }

    /// Writes a calibration of the model.
    private func calibration(threshold: Double) throws -> String {
        let detector = try Detector.load(folder.file("model"))
        var scoring = try detector.configuration.with(settings: ["scoring.limit=3"]).scoring
        scoring.scoreThreshold = 0
        let options = String(decoding: try JSONEncoder().encode(scoring), as: UTF8.self)
        let text = """
            {"format": "fvlm-calibration", "version": 1, "detector": "\(try detector.network.store.digest())",
             "clip": "\(detector.identity.description)", "scoring": \(options), "method": "platt",
             "criterion": "best F1", "iouThreshold": 0.5, "classes": {}, "groups": {"all": {
             "map": {"platt": {"slope": 1, "intercept": 2}}, "threshold": \(threshold), "detections": 9,
             "objects": 9}}}
            """
        return try folder.write(text, "calibration.json")
    }

    @Test func filesGetTheirNamesAtTheEnd() throws {
        let run = try run([
            "--results", folder.file("t.jsonl"), "--mot", folder.file("t.txt"), "--output",
            folder.file("t.mkv"), "--masks",
        ])
        #expect(run.status == 0 && run.output.isEmpty, "\(run.errors)")
        let results = String(decoding: folder.bytes("t.jsonl"), as: UTF8.self)
        #expect(try lines(results).count == 6)
        let tracks = String(decoding: folder.bytes("t.txt"), as: UTF8.self).split(separator: "\n")
        #expect(
            tracks.allSatisfy { $0.split(separator: ",").count == 10 }
                && tracks.first?.hasPrefix("2,1,") == true)
        // Six frames of 48 x 32 pixels at the film's own rate.
        #expect(folder.bytes("t.mkv").count == 6 * 48 * 32 * 3)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(!names.contains { $0.contains("part") }, "\(names)")
    }

    @Test("A19: films with long names") func longNames() throws {
        let name = String(repeating: "n", count: 251)
        let run = try run([
            "--results", folder.file(name + "json"), "--mot", folder.file(name + ".txt"), "--output",
            folder.file(name + ".mkv"),
        ])
        #expect(run.status == 0, "\(run.errors)")
        #expect(Set(folder.names.suffix(3)) == [name + "json", name + ".txt", name + ".mkv"])
    }

    /// The words that ffmpeg gets have the bytes of the names.
    @Test("A20: films") func namesThatAreNotUTF8() throws {
        let line =
            #"fvlm track "$D/film.mp4" --model "$PWD/model" --classes dog --set input.size=64 --threads 1 "#
            + #"--results "$D/r.jsonl" --mot "$D/r.txt" --output "$D/out.mkv""#
        let run = try Program(
            shell:
                #"export FVLM_FFMPEG="$PWD/ffmpeg" D="$PWD/$(printf 'caf\351')"; mkdir "$D"; mv film.mp4 "$D"; "#
                + line + #" && ls "$D" && wc -c < "$D/out.mkv""#, in: folder.path)
        #expect(run.status == 0, "\(run.errors)")
        #expect(
            run.output.split(whereSeparator: \.isWhitespace) == [
                "film.mp4", "out.mkv", "r.jsonl", "r.txt", "\(6 * 48 * 32 * 3)",
            ])
    }

    @Test func aDamagedFilmEndsWithWhatWasDone() throws {
        try script(end: "head -c 100 \"$here/frame\"; echo '[h264 @ 0x1] error while decoding' >&2; exit 1")
        let run = try run(["--results", folder.file("t.jsonl")])
        #expect(run.status == 1 && run.errors.contains("ended early: error while decoding"), "\(run.errors)")
        #expect(try lines(String(decoding: folder.bytes("t.jsonl"), as: UTF8.self)).count == 6)
    }

    @Test(arguments: [
        (["--every", "0"], "--every"), (["--every", "2", "--rate", "5"], "exclude each other"),
        (["--lost", "-1"], "--lost"), (["--output", "film"], "suffix"),
    ])
    func whatIsWrongIsNamed(_ more: [String], _ text: String) throws {
        let run = try run(more)
        #expect(run.status == 64 && run.errors.contains(text) && run.output.isEmpty, "\(run.errors)")
    }

    /// One file for two outputs, by whatever spelling, and a file that another run writes.
    @Test func everyOutputHasItsFile() throws {
        for (one, other) in [("x", "x"), ("x", "./x")] {
            let run = try run(["--results", folder.file(one), "--mot", folder.file(other)])
            #expect(run.status == 64 && run.errors.contains("is the path of two outputs"), "\(run.errors)")
        }
        let record = try folder.write("another run's", "r.jsonl.partial")
        let descriptor = open(record, O_RDWR)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        let second = try run(["--results", folder.file("r.jsonl")])
        #expect(
            second.status == 1 && second.errors.contains("r.jsonl: is being written by another process"),
            "\(second.errors)")
        #expect(folder.bytes("r.jsonl.partial") == Array("another run's".utf8))
    }

    @Test func damageThatIsReadOverIsTold() throws {
        try script(end: "for n in 1 2; do echo '[mjpeg @ 0x1] [error] overread 8' >&2; done")
        let run = try run([])
        #expect(run.status == 0 && run.errors.contains("is damaged: 2 errors, the first: overread 8"))
    }

    @Test func theFilmIsNotReplaced() throws {
        let run = try run(["--output", folder.file("film.mp4")])
        #expect(run.status == 64 && run.errors.contains("film.mp4"), "\(run.errors)")
    }

    @Test func aFilmThatIsNotThereIsNamed() throws {
        let run = try Program([
            "track", folder.file("no.mp4"), "--model", folder.file("model"), "--classes", "dog",
        ])
        #expect(run.status == 1 && run.errors.contains("no such file"), "\(run.errors)")
    }

    @Test func aFilmWithoutFramesLeavesNoFile() throws {
        let none = "#!/bin/sh\nexit 0\n"
        // In place: a new file would not be executable.
        try Data(none.utf8).write(to: URL(filePath: folder.file("ffmpeg")))
        let run = try run(["--results", folder.file("none.jsonl")])
        #expect(run.status == 65 && run.errors.contains("has no frames"), "\(run.errors)")
        #expect(!folder.names.contains { $0.hasPrefix("none") }, "\(folder.names)")
    }

    // MARK: Detection without ids, and resumption

    private func detect(_ more: [String], _ film: String = "film.mp4") throws -> Program {
        try Program(
            [
                "detect", folder.file(film), "--model", folder.file("model"), "--classes", "dog, cat",
                "--score-threshold", "0", "--set", "input.size=64", "--set", "scoring.limit=3", "--threads",
                "1",
            ] + more, environment: ["FVLM_FFMPEG": folder.file("ffmpeg")])
    }

    @Test func detectionOfAFilmHasNoIDs() throws {
        let run = try detect(["--output", folder.file("d.mkv"), "--results", folder.file("d.jsonl")])
        #expect(run.status == 0 && run.output.isEmpty, "\(run.errors)")
        let lines = try lines(String(decoding: folder.bytes("d.jsonl"), as: UTF8.self))
        #expect(lines.compactMap { $0["frame"] as? Int } == Array(0..<6))
        for line in lines {
            let detections = try #require(line["detections"] as? [[String: Any]])
            #expect(
                detections.count == 3 && detections.allSatisfy { $0["id"] == nil } && line["events"] == nil)
        }
        #expect(folder.bytes("d.mkv").count == 6 * 48 * 32 * 3)
        // In tiles there is more to find.
        let tiled = try self.lines(try detect(["--tile", "24"]).output)
        #expect((tiled[0]["detections"] as? [Any])?.count ?? 0 > 3)
    }

    @Test(arguments: [
        (["--format", "coco"], "JSON lines"), (["--resume"], "--results"),
        (["--resume", "--results", "r", "--output", "o.mkv"], "drawn film"), (["--every", "0"], "--every"),
    ])
    func whatDetectCannotDoWithAFilmIsNamed(_ more: [String], _ text: String) throws {
        let run = try detect(more)
        #expect(run.status == 64 && run.errors.contains(text) && run.output.isEmpty, "\(run.errors)")
    }

    /// A folder is pictures unless it is said to be a film; options of films are refused for pictures.
    @Test func aFolderIsAFilmWhenAskedFor() throws {
        for number in 0..<3 {
            try Image(width: 20, height: 20, filledWith: .white)
                .write(to: folder.write("", "burst/\(number).png"))
        }
        let film = try detect(["--frames", "--rate", "5"], "burst")
        #expect(
            try lines(film.output).compactMap { $0["time"] as? Double } == [0, 0.2, 0.4], "\(film.errors)")
        let pictures = try detect(["--json"], "burst")
        #expect(try lines(pictures.output).allSatisfy { $0["file"] != nil }, "\(pictures.errors)")
        #expect(try detect(["--rate", "5"], "burst").errors.contains("--rate is about films"))
    }

    /// Killed after a second's record and resumed, the files are those of work that was not killed; with other settings they are
    /// refused.
    @Test(arguments: ["track", "detect"]) func killedWorkGoesOn(_ command: String) throws {
        let count = 120
        for number in 0..<count {
            var image = try Image(width: 64, height: 40, filledWith: .white)
            for x in 0..<14 {
                for y in 8..<28 {
                    image[x + number % 50, y] = Color(red: 20, green: UInt8(8 * y), blue: 90)
                }
            }
            try image.write(to: folder.write("", "burst/\(1000 + number).png"))
        }
        func arguments(_ name: String, _ more: [String] = []) -> [String] {
            let tracks = command == "track" ? ["--mot", folder.file(name + ".txt")] : ["--frames"]
            return [
                command, folder.file("burst"), "--model", folder.file("model"), "--classes", "dog, cat",
                "--score-threshold", "0", "--set", "input.size=64", "--set", "scoring.limit=3", "--threads",
                "1",
                "--batch-size", "2", "--results", folder.file(name + ".jsonl"),
            ] + tracks + more
        }
        let whole = try Program(arguments("whole"))
        #expect(whole.status == 0, "\(whole.errors)")
        let process = try Program.started(arguments("killed"))
        // Wherever it is when it dies, some frames are on record.
        while process.isRunning, !folder.names.contains("killed.jsonl.progress") { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
        let other = try Program(arguments("killed", ["--resume", "--every", "2"]))
        #expect(other.status != 0 && other.errors.contains("different choice of frames"), "\(other.errors)")
        let rest = try Program(arguments("killed", ["--resume"]))
        #expect(rest.status == 0 && rest.errors.contains("frames; continuing"), "\(rest.errors)")
        #expect(folder.bytes("killed.jsonl") == folder.bytes("whole.jsonl"))
        #expect(try lines(String(decoding: folder.bytes("whole.jsonl"), as: UTF8.self)).count == count)
        #expect(command == "detect" || folder.bytes("killed.txt") == folder.bytes("whole.txt"))
        #expect(!folder.names.contains { $0.contains("partial") || $0.contains("progress") })
        #expect(try Program(arguments("killed", ["--resume"])).errors.contains("is complete"))
    }
}
