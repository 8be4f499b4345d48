import FixtureSupport
import Foundation
import Imaging
import Testing

@testable import Video

/// With a script in place of ffmpeg, so that they run where it is not installed; `make test-video` uses the real one.
@Suite struct VideoTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A script in place of ffmpeg; `$@` are the arguments.
    private func ffmpeg(_ script: String) throws -> String {
        let path = folder.path + "/ffmpeg"
        try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    private func film(_ name: String = "film.mp4") throws -> VideoSource {
        let path = folder.path + "/" + name
        try Data().write(to: URL(filePath: path))
        return try VideoSource(path)
    }

    /// Two frames of 2 x 1 pixels, a description, and their times.
    private let twoFrames = """
        echo "$@" > "$(dirname "$0")/arguments"
        cat >&2 <<END
        [info]   Duration: 00:01:02.50, start: 0.000000, bitrate: 95 kb/s
        [info]   Stream #0:0(und): Video: h264 (High), yuv420p, 2x1, 25 fps, 25 tbr
        [info]   Stream #0:1(und): Audio: aac
        [info] Stream mapping:
        [Parsed_showinfo_3 @ 0x1] [info] n:   0 pts:      0 pts_time:0.5       fmt:rgb24 sar:1/1 s:2x1 i:P
        END
        printf 'abcdef'
        echo "[Parsed_showinfo_3 @ 0x1] [info] n:   1 pts:      9 pts_time:0.74 fmt:rgb24 sar:1/1 s:2x1 i:P" >&2
        printf 'ghijkl'
        """

    @Test func framesComeWithTheirTimesAndTheFilmWithItsDescription() throws {
        let source = try film()
        do {
            let program = try ffmpeg(twoFrames)
            let reader = try VideoReader(source, program: program)
            let frames = try [reader.next(), reader.next()].compactMap(\.self)
            #expect(try reader.next() == nil && reader.fault == nil)
            #expect(frames.map(\.index) == [0, 1] && frames.map(\.time) == [0.5, 0.74])
            #expect(frames.map { String(decoding: $0.image.pixels, as: UTF8.self) } == ["abcdef", "ghijkl"])
            #expect(
                reader.info
                    == .init(
                        size: ImageSize(width: 2, height: 1), frameRate: 25, duration: 62.5, hasAudio: true))
        }
    }

    @Test func chosenFramesAreAskedForAndNamesAreNoOptions() throws {
        let source = try film("-film.mp4")
        do {
            let program = try ffmpeg(twoFrames)
            var options = FrameOptions()
            options.stride = 3
            options.start = 2
            let reader = try VideoReader(source, options: options, program: program)
            #expect(try reader.next()?.time == 2.5)
            while try reader.next() != nil {}
        }
        let arguments = try String(contentsOfFile: folder.path + "/arguments", encoding: .utf8)
        #expect(arguments.contains("-ss 2 -i file:\(folder.path)/-film.mp4"))
        #expect(arguments.contains("select='not(mod(n\\,3))'"))
    }

    @Test func aFilmThatIsCutEndsWithWhatWasReadAndSaysWhy() throws {
        let source = try film()
        let script =
            twoFrames
            + "\nprintf 'xy'\necho '[mov @ 0x5] moov atom is cut off' >&2\necho 'Conversion failed!' >&2\nexit 1"
        do {
            let program = try ffmpeg(script)
            let reader = try VideoReader(source, program: program)
            var count = 0
            while try reader.next() != nil { count += 1 }
            #expect(count == 2 && reader.fault == "moov atom is cut off")
        }
    }

    /// What ffmpeg reads over is told, warnings and descriptions are not.
    @Test func damageIsTold() throws {
        let script =
            twoFrames
            + "\necho '[mjpeg @ 0x5] [error] overread 8' >&2\necho '[mjpeg @ 0x5] [warning] EOI missing' >&2"
        let reader = try VideoReader(film(), program: ffmpeg(script))
        while try reader.next() != nil {}
        #expect(reader.fault == nil && reader.damage == "overread 8")
    }

    @Test(arguments: [
        (
            "echo \"Stream map '0:v:0' matches no streams.\" >&2; echo 'To ignore this, add a ?' >&2; exit 1",
            "has no video"
        ),
        (
            "echo '[in#0 @ 0x1] Error opening input: Invalid data found' >&2; exit 183",
            "Error opening input: Invalid data"
        ),
        ("exit 0", "has no frames"),
    ])
    func aFilmWithoutFramesIsRefused(_ script: String, _ text: String) throws {
        let source = try film()
        do {
            let program = try ffmpeg(script)
            let reader = try VideoReader(source, program: program)
            let error = #expect(throws: VideoError.self) { try reader.next() }
            #expect(
                error?.description.contains(text) == true && error?.subject == source.text,
                "\("\(error as Any)")")
        }
    }

    @Test func whatIsNoFilmIsRefusedBeforeFFmpegIsAsked() {
        for (text, reason) in [
            ("/nowhere/film.mp4", "no such file"), (folder.path, "is a folder"),
            ("camera:x", "number of a camera"),
        ] {
            let error = #expect(throws: VideoError.self) { try VideoSource(text) }
            #expect(error?.reason.contains(reason) == true)
        }
        #expect(
            VideoSource.isVideo("a/film.MKV") && VideoSource.isVideo("rtsp://x/1")
                && VideoSource.isVideo("camera:1"))
        #expect(
            !VideoSource.isVideo("a.jpg") && !VideoSource.isVideo("camera.png")
                && !VideoSource.isVideo("photos"))
    }

    @Test func aMissingFFmpegIsNamedWithTheWayToGetIt() throws {
        let error = #expect(throws: VideoError.self) { try FFmpeg.path(in: ["PATH": "/nowhere"]) }
        #expect(error?.description.contains("apt-get install ffmpeg") == true)
        #expect(try FFmpeg.path(in: ["PATH": "/nowhere", "FVLM_FFMPEG": "/own/ffmpeg"]) == "/own/ffmpeg")
    }

    @Test func framesAreRepeatedForAsLongAsTheyAreShown() throws {
        // The script keeps what it is sent as the film.
        let script = "for last; do :; done; echo \"$@\" > \"$(dirname \"$0\")/arguments\"; cat > \"$last\""
        let path = folder.path + "/out.mp4"
        let sound = try film("sound.mp4")
        do {
            let program = try ffmpeg(script)
            let writer = try VideoWriter(path: path, frameRate: 10, audio: sound, program: program)
            for (name, time) in [("a", 0.2), ("b", 0.3), ("c", 0.7)] {
                let pixels = [UInt8](repeating: UInt8(ascii: Unicode.Scalar(name)!), count: 3)
                try writer.append(Image(width: 1, height: 1, pixels: pixels), time: time)
            }
            #expect(!FileManager.default.fileExists(atPath: path))
            try writer.finish()
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "aaabbbbbbbbbbbbccc")
        let arguments = try String(contentsOfFile: folder.path + "/arguments", encoding: .utf8)
        #expect(arguments.contains("-itsoffset 0.2") && arguments.contains("-map 1:a? -c:a copy"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains("part") }
                .isEmpty)
    }

    @Test func aFilmThatCannotBeWrittenIsNamedAndLeavesNothing() throws {
        let path = folder.path + "/out.xyz"
        do {
            let program = try ffmpeg("cat > /dev/null; echo 'Unable to choose an output format' >&2; exit 1")
            let writer = try VideoWriter(path: path, frameRate: 10, program: program)
            try writer.append(Image(width: 1, height: 1), time: 0)
            let error = #expect(throws: VideoError.self) { try writer.finish() }
            #expect(error?.description.contains("Unable to choose an output format") == true)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["ffmpeg"])
    }
}
