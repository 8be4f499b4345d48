/// The files that a command reads, so that nothing is written over them.
///
/// Files are compared as the system knows them, by device and number: another path, a link, and another case of letters
/// make no difference.
package struct OutputGuard: Sendable {
    private struct Identity: Hashable {
        let device: UInt64
        let number: UInt64

        /// The identity of what is at `path`, links followed; nil when nothing is there.
        init?(_ path: String) {
            var info = stat()
            guard
                path == "-" ? fstat(STDIN_FILENO, &info) == 0 : path.withPathPointer({ stat($0, &info) }) == 0
            else { return nil }
            device = UInt64(truncatingIfNeeded: info.st_dev)
            number = UInt64(truncatingIfNeeded: info.st_ino)
        }
    }

    private var inputs: [Identity: String] = [:]

    /// - Parameter inputs: Paths of files and folders; nil for what was not given. What is not there is no input.
    package init(_ inputs: [String?]) {
        for input in inputs.compactMap(\.self) {
            if let identity = Identity(input) { self.inputs[identity] = input }
        }
    }

    /// Refuses an output that is one of the inputs.
    ///
    /// - Throws: ``FileFailure``, which names both.
    package func check(_ output: String?) throws(FileFailure) {
        guard let output, output != "-", let identity = Identity(output), let input = inputs[identity] else {
            return
        }
        throw FileFailure(
            output,
            reason: "would be replaced by the output, and is "
                + (input == output ? "read" : "\(input), which is read") + ": name another output",
            exitStatus: .usage)
    }
}
