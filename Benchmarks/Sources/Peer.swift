import Foundation

/// A Python program that does the same work with the usual libraries.
struct Peer {
    /// The name of the script in `Benchmarks/Peers`.
    let script: String

    /// The interpreter: `FVLM_PYTHON`, or `python3` on the PATH.
    static var interpreter: String { ProcessInfo.processInfo.environment["FVLM_PYTHON"] ?? "python3" }

    /// Runs the script and reads the JSON object on the last line of its output.
    /// - Returns: nil, after printing the reason, if the libraries are not installed or the script fails.
    func run(_ arguments: [String] = []) -> [String: Any]? {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Peers")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [Self.interpreter, folder.appending(path: script).path] + arguments
        let output = Pipe()
        process.standardOutput = output
        do {
            try process.run()
        } catch {
            print("peer \(script): \(Self.interpreter) cannot be started (\(error))")
            return nil
        }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            print(
                "peer \(script): not measured; install its libraries and set FVLM_PYTHON to that interpreter")
            return nil
        }
        let line = String(decoding: data, as: UTF8.self).split(separator: "\n").last ?? ""
        return (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
    }
}
