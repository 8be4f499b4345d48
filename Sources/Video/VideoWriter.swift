import Foundation
import Imaging
import Support

/// Writes a film of a steady rate, encoded by ffmpeg as the suffix of its name asks for; the sound of another film can be
/// kept.
///
/// Frames come with their times; one that is shown for longer is repeated, so that picture and sound stay together. The film gets
/// its name when it is finished.
public final class VideoWriter {
    private let program: String
    private let path: String
    private let temporary: String
    private let frameRate: Double
    private let audio: VideoSource?
    private var run: FFmpeg.Run?
    private var input: FileHandle?
    private var held: (image: Image, time: Double)?
    private var origin = 0.0
    private var written = 0
    private var isFinished = false

    /// Begins a film; the file is made when the first frame comes.
    ///
    /// - Parameters:
    ///   - path: The name of the film, with a suffix that ffmpeg knows: mp4, mkv, webm and others.
    ///   - frameRate: Frames a second.
    ///   - audio: The film whose sound is kept; nil for none.
    /// - Throws: ``VideoError`` when ffmpeg is not there, or the name has no suffix.
    public convenience init(path: String, frameRate: Double, audio: VideoSource? = nil) throws {
        try self.init(path: path, frameRate: frameRate, audio: audio, program: FFmpeg.path())
    }

    init(path: String, frameRate: Double, audio: VideoSource? = nil, program: String) throws {
        guard !Path.suffix(path).isEmpty else {
            throw VideoError(
                path, "has no suffix that says what kind of film it is, such as .mp4", exitStatus: .usage)
        }
        self.program = program
        self.path = path
        self.frameRate = frameRate.isFinite && frameRate > 0 ? frameRate : 30
        self.audio = audio.flatMap { $0.isLive ? nil : $0 }
        // Its suffix tells ffmpeg the form, and a path from the root is no option and no address.
        let ending = "-\(ProcessInfo.processInfo.processIdentifier).part.\(Path.suffix(path))"
        temporary = Path.join(
            Path.parent(Path.absolute(path)),
            FileName.shortened(".\(Path.stem(path))", ending: ending) + ending)
    }

    deinit {
        guard !isFinished, run != nil else { return }
        try? input?.close()
        run?.stop()
        _ = temporary.withPathPointer { unlink($0) }
    }

    /// Adds a frame, shown from `time` in seconds on; all frames have the size of the first.
    ///
    /// - Throws: ``VideoError`` when ffmpeg cannot write.
    public func append(_ image: Image, time: Double) throws {
        if run == nil { try begin(image.size, time) }
        if let held {
            guard held.image.size == image.size else {
                throw VideoError(
                    path, "a frame of \(image.size) pixels cannot follow one of \(held.image.size)")
            }
            let due = Int(((time - origin) * frameRate).rounded())
            while written < due { try emit(held.image) }
        }
        held = (image, time)
    }

    /// Ends the film and gives it its name.
    ///
    /// - Throws: ``VideoError`` when ffmpeg fails, or no frame came.
    public func finish() throws {
        guard let held, let run else { throw VideoError(path, "no frame was written") }
        try emit(held.image)
        try? input?.close()
        input = nil
        if let reason = run.finish() { throw failure(reason) }
        do { try Folder.move(temporary, to: path) } catch {
            throw VideoError(path, error.reason, exitStatus: .failure)
        }
        isFinished = true
    }

    private func begin(_ size: ImageSize, _ time: Double) throws {
        origin = time
        let pipe: PipeEnds
        do { pipe = try PipeEnds() } catch { throw failure(error.reason) }
        var arguments = [
            "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", "\(size.width)x\(size.height)",
            "-framerate",
            NumberText.shortest(frameRate), "-itsoffset", NumberText.shortest(max(time, 0)), "-i", "pipe:0",
        ]
        if let audio {
            // Sound that the new container holds as it is needs no second encoding.
            let isSame = Path.suffix(audio.text) == Path.suffix(path)
            arguments +=
                audio.arguments + ["-map", "0:v:0", "-map", "1:a?"] + (isSame ? ["-c:a", "copy"] : [])
        }
        // Encoders of four colors to two pixels want even sides.
        arguments += [
            "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", temporary,
        ]
        run = try FFmpeg.Run(program, arguments, input: pipe)
        input = pipe.writing
    }

    private func emit(_ image: Image) throws {
        guard let descriptor = input?.fileDescriptor else { return }
        let isWritten = image.pixels.withUnsafeBytes { Descriptor.write($0, to: descriptor) == 0 }
        guard isWritten else { throw failure(run?.finish() ?? "ffmpeg closed its input") }
        written += 1
    }

    private func failure(_ reason: String) -> VideoError {
        VideoError(path, "cannot be written: \(reason)", exitStatus: .failure)
    }
}
