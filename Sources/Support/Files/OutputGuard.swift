/// The files that a command reads, so that nothing is written over them.
///
/// Files are compared as the system knows them, by device and number: another path, a link, and another case of letters
/// make no difference. Pipes and devices, such as `/dev/null`, can be read and written at once.
package struct OutputGuard: Sendable {
    private var inputs: [FileIdentity: String] = [:]

    /// - Parameter inputs: Paths of files and folders; nil for what was not given. What is not there is no input.
    package init(_ inputs: [String?]) {
        for input in inputs.compactMap(\.self) {
            if let identity = Self.identity(input) { self.inputs[identity] = input }
        }
    }

    /// What is at `path`, `-` for standard input; nil where nothing can be lost.
    private static func identity(_ path: String) -> FileIdentity? {
        let status = path == "-" ? FileStatus(descriptor: STDIN_FILENO) : FileStatus(path)
        return status.flatMap { $0.kind == .file || $0.kind == .folder ? $0.identity : nil }
    }

    /// Refuses an output that is one of the inputs.
    ///
    /// - Throws: ``FileFailure``, which names both.
    package func check(_ output: String?) throws(FileFailure) {
        guard let output, output != "-", let identity = Self.identity(output), let input = inputs[identity]
        else { return }
        throw FileFailure(
            output,
            reason: "would be replaced by the output, and is "
                + (input == output ? "read" : "\(input), which is read") + ": name another output",
            exitStatus: .usage)
    }
}
