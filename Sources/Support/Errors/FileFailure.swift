import Foundation

/// A file or folder that cannot be used: what the system refused, or what is wrong with its contents.
///
/// Targets with their own error type convert it to that type.
package struct FileFailure: ReportedError, Hashable {
    /// The path.
    package let path: String

    /// What is wrong; for a refusal, with the system's reason.
    package let reason: String

    /// What to do about it.
    package let advice: String?

    /// Bad data, or a refusal of the system.
    package let exitStatus: ExitStatus

    /// Creates an error about the file at `path`.
    package init(
        _ path: String, reason: String, advice: String? = nil, exitStatus: ExitStatus = .badData
    ) {
        self.path = path
        self.reason = reason
        self.advice = advice
        self.exitStatus = exitStatus
    }

    /// Creates an error for a failed system call; `what` is for example "cannot be created".
    package init(_ path: String, _ what: String, code: Int32 = errno) {
        self.init(path, reason: "\(what): \(String(cString: strerror(code)))", exitStatus: .failure)
    }

    /// The path; two quotes for an empty one, which would leave nothing to see.
    package var subject: String { path.isEmpty ? "''" : path }
}

/// One sentence for an error of the system or of Foundation, with the path.
package struct SystemErrorText {
    package let text: String

    package init(_ error: any Error) {
        guard let error = error as? CocoaError ?? (error as? POSIXError).map({ $0 as any Error }) else {
            text = "\(error)"
            return
        }
        let details = error as NSError
        let underlying = details.userInfo[NSUnderlyingErrorKey] as? NSError
        let system = [details, underlying].compactMap(\.self).first { $0.domain == NSPOSIXErrorDomain }
        let path =
            details.userInfo[NSFilePathErrorKey] as? String
            ?? (details.userInfo[NSURLErrorKey] as? URL)?.path
        let reason = system.map { String(cString: strerror(Int32($0.code))) } ?? details.localizedDescription
        text = path.map { "\($0): \(reason)" } ?? reason
    }
}
