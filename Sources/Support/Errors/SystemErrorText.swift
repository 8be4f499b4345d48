import Foundation

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
