#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A call of the system on a file that failed. Every target turns it into its own error.
package struct FileFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The path of the file.
    package let path: String

    /// What failed, and the system's reason.
    package let reason: String

    /// The failure of the call made last: `what`, for example "cannot be created".
    init(_ path: String, _ what: String, code: Int32 = errno) {
        self.path = path
        reason = "\(what): \(String(cString: strerror(code)))"
    }

    /// One line: the file and the reason.
    package var description: String { "\(path): \(reason)" }
}
