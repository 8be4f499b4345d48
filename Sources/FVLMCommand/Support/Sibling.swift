import Foundation

/// The program `fvlm-networks`, which has the commands that need networks or pictures.
package enum Sibling {
    package static let name = "fvlm-networks"

    /// Why the sibling cannot be started.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Becomes the sibling, with this program's arguments to the byte. Returns only when that fails.
    package static func start(for command: String) -> Failure {
        guard let path = path() else {
            return Failure(
                description:
                    "fvlm \(command) is done by \(name), which lies neither beside fvlm nor on the PATH: "
                    + "build both with swift build -c release --product \(name)")
        }
        execv(path, CommandLine.unsafeArgv)
        return Failure(description: "\(path): cannot be started: \(String(cString: strerror(errno)))")
    }

    /// Where the sibling is: beside this program, beside the link by which it was called, or on the PATH.
    package static func path() -> String? {
        var folders: [String] = []
        if let own = ownPath() { folders.append((own as NSString).deletingLastPathComponent) }
        let called = CommandLine.arguments.first ?? ""
        if called.contains("/") { folders.append((called as NSString).deletingLastPathComponent) }
        folders += (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return folders.lazy.map { $0.isEmpty ? "./\(name)" : "\($0)/\(name)" }.first {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
                && access($0, X_OK) == 0
        }
    }

    /// The path of this program, with links resolved.
    private static func ownPath() -> String? {
        #if os(Linux)
            let path = "/proc/self/exe"
        #else
            guard let path = Bundle.main.executablePath else { return nil }
        #endif
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
