/// A call of the system on a file that failed. Every target turns it into its own error.
package struct FileFailure: ReportedError, Hashable {
    /// The path of the file.
    package let path: String

    /// What failed, and the system's reason.
    package let reason: String

    /// The failure of the call made last: `what`, for example "cannot be created".
    init(_ path: String, _ what: String, code: Int32 = errno) {
        self.path = path
        reason = "\(what): \(String(cString: strerror(code)))"
    }

    /// The path of the file.
    package var subject: String { path }

    /// The system refused.
    package var exitStatus: ExitStatus { .failure }
}
