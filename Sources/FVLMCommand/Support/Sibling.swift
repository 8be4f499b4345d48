import Foundation
import Support

/// The program `fvlm-networks`, which has the commands that need networks or pictures.
package enum Sibling {
    package static let name = "fvlm-networks"

    /// Why the sibling cannot be started.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Replaces this process by the sibling, with this program's exact arguments. Returns only on failure.
    package static func start(for command: String) -> Failure {
        guard let path = path() else {
            return Failure(
                description:
                    "fvlm \(command) needs \(name), which is neither next to fvlm nor on the PATH: "
                    + "build both with swift build -c release --product \(name)")
        }
        // Looked at when libtorch and its threads' library are loaded.
        for (name, value) in settings(ProcessWords.environment) { setenv(name, value, 0) }
        _ = path.withPathPointer { execv($0, CommandLine.unsafeArgv) }
        return Failure(description: "\(path): cannot be started: \(String(cString: strerror(errno)))")
    }

    /// What is added to the environment of the sibling.
    ///
    /// What Apple's GPUs cannot do, the processor does. Threads that wait for others sleep: libgomp's spin for milliseconds,
    /// and beside other work wait for threads that cannot run because they spin.
    package static func settings(_ environment: [String: String]) -> [String: String] {
        var settings = ["PYTORCH_ENABLE_MPS_FALLBACK": "1"]
        if environment["OMP_WAIT_POLICY"] == nil { settings["GOMP_SPINCOUNT"] = "0" }
        return settings.filter { environment[$0.key] == nil }
    }

    /// The sibling's path: next to this program, next to the link it was called by, or on the PATH.
    package static func path() -> String? {
        var folders: [String] = []
        if let own = ProcessWords.executable { folders.append(Path.parent(own)) }
        let called = ProcessWords.program
        if called.contains("/") { folders.append(Path.parent(called)) }
        folders += (ProcessWords.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return folders.lazy.map { $0.isEmpty ? "./\(name)" : "\($0)/\(name)" }.first(
            where: FileStatus.isProgram)
    }
}
