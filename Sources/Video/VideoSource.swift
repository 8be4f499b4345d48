import Support

/// A film, a stream or a camera.
public struct VideoSource: Sendable, Hashable {
    /// What the user wrote.
    public let text: String

    /// The arguments of ffmpeg that open it.
    let arguments: [String]

    /// Whether it is live: without an end, and readable once.
    public let isLive: Bool

    private static let suffixes: Set<String> = [
        "mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "mts", "m2ts", "ts", "wmv", "flv", "3gp",
        "ogv", "mxf", "y4m",
    ]

    private static let schemes = [
        "rtsp://", "rtsps://", "rtmp://", "rtmps://", "udp://", "srt://", "http://", "https://",
    ]

    /// Whether a text names a film rather than a picture: `camera`, `camera:1`, an address such as `rtsp://...`, or a file with the
    /// suffix of a film.
    public static func isVideo(_ text: String) -> Bool {
        text == "camera" || text.hasPrefix("camera:") || schemes.contains(where: text.hasPrefix)
            || suffixes.contains(Path.suffix(text))
    }

    /// Opens nothing yet.
    ///
    /// - Parameter text: The path of a file, an address, `camera` for the first camera or `camera:N` for another.
    /// - Throws: ``VideoError`` for a file that is not there or is a folder.
    public init(_ text: String) throws {
        self.text = text
        if text == "camera" || text.hasPrefix("camera:") {
            let number = text == "camera" ? "0" : String(text.dropFirst(7))
            guard let number = Int(number), number >= 0 else {
                throw VideoError(
                    text, "is not camera or camera:N with the number of a camera, from 0", exitStatus: .usage)
            }
            #if os(Linux)
                arguments = ["-f", "v4l2", "-i", "/dev/video\(number)"]
            #else
                arguments = ["-f", "avfoundation", "-framerate", "30", "-i", "\(number)"]
            #endif
            isLive = true
        } else if let scheme = Self.schemes.first(where: text.hasPrefix) {
            // Frames of RTSP over UDP arrive damaged when packets are lost.
            arguments = (scheme.hasPrefix("rtsp") ? ["-rtsp_transport", "tcp"] : []) + ["-i", text]
            isLive = !scheme.hasPrefix("http")
        } else {
            switch FileStatus(text)?.kind {
            case nil: throw VideoError(text, "there is no such file", exitStatus: .failure)
            case .folder?: throw VideoError(text, "is a folder, not a film", exitStatus: .failure)
            default: break
            }
            // Names may look like options or protocols.
            arguments = ["-i", "file:\(text)"]
            isLive = false
        }
    }
}
