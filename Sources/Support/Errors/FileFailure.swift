/// A file or folder that cannot be used: what the system refused, or what is wrong with its contents.
///
/// Targets with an error type of their own turn it into that one.
package struct FileFailure: ReportedError, Hashable {
    /// The path.
    package let path: String

    /// What is wrong; for a refusal, with the system's reason.
    package let reason: String

    /// What helps.
    package let advice: String?

    /// Bad data, or what the system refused.
    package let exitStatus: ExitStatus

    /// Something wrong with the file at `path`.
    package init(
        _ path: String, reason: String, advice: String? = nil, exitStatus: ExitStatus = .badData
    ) {
        self.path = path
        self.reason = reason
        self.advice = advice
        self.exitStatus = exitStatus
    }

    /// A system call that failed: `what`, for example "cannot be created".
    package init(_ path: String, _ what: String, code: Int32 = errno) {
        self.init(path, reason: "\(what): \(String(cString: strerror(code)))", exitStatus: .failure)
    }

    /// The path.
    package var subject: String { path }
}
