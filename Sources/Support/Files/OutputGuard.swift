/// The files that a command reads, which no output may replace.
///
/// Files are compared by device and number: another path, a link, or other letter case makes no difference. Pipes and
/// devices, such as `/dev/null`, can be read and written at once.
package struct OutputGuard: Sendable {
    private var inputs: [FileIdentity: String] = [:]

    /// - Parameter inputs: Paths of files and folders; nil entries and missing files are ignored.
    package init(_ inputs: [String?]) {
        for input in inputs.compactMap(\.self) {
            if let identity = Self.identity(input) { self.inputs[identity] = input }
        }
    }

    /// The identity of the file at `path`, `-` for standard input; nil if nothing can be lost.
    private static func identity(_ path: String) -> FileIdentity? {
        let status = path == "-" ? FileStatus(descriptor: STDIN_FILENO) : FileStatus(path)
        return status.flatMap { $0.kind == .file || $0.kind == .folder ? $0.identity : nil }
    }

    /// Throws if an output is one of the inputs.
    ///
    /// - Throws: ``FileFailure``, which names both.
    package func check(_ output: String?) throws(FileFailure) {
        guard let output, output != "-", let identity = Self.identity(output), let input = inputs[identity]
        else { return }
        throw FileFailure(
            output,
            reason: "would be replaced by the output, and is "
                + (input == output ? "read" : "\(input), which is read") + ": choose another output",
            exitStatus: .usage)
    }
}
