import FVLMCommand
import Foundation
import Support
import Synchronization

/// Starts this program several times on this machine, with torchrun's variables, and waits for all of it.
enum LocalProcesses {
    /// How long the others may take to end when one has failed: they notice it by themselves and say so.
    private static let patience = 30.0

    /// Runs the processes to their end; signals that ask to stop are passed on.
    /// - Throws: `FileFailure` if a process cannot be started.
    /// - Returns: The exit status of the first that failed; 0 if none did.
    static func run(_ count: Int, arguments: [String]) throws -> Int32 {
        guard let program = ProcessWords.executable else {
            throw FileFailure("fvlm-networks", reason: "cannot find its own program", exitStatus: .failure)
        }
        let port = try freePort()
        StandardError.note(
            "\(count) processes on this machine, which meet at 127.0.0.1, port \(port) (--processes)")
        var processes: [ChildProgram] = []
        for rank in 0..<count {
            let variables = [
                "RANK": "\(rank)", "LOCAL_RANK": "\(rank)", "WORLD_SIZE": "\(count)",
                "LOCAL_WORLD_SIZE": "\(count)",
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)",
            ]
            do {
                processes.append(
                    try ChildProgram(
                        program, arguments, environment: ProcessWords.environment.merging(variables) { $1 },
                        output: STDOUT_FILENO, errors: STDERR_FILENO))
            } catch {
                for process in processes { process.stop() }
                for process in processes { _ = process.wait() }
                throw error
            }
        }
        let started = processes
        let signals = StopSignals { for process in started { process.stop(by: SIGINT) } }
        let ends = Ends()
        for (rank, process) in started.enumerated() {
            Thread.detachNewThread { ends.await(process, rank, of: count) }
        }
        wait(for: started, ends)
        withExtendedLifetime(signals) {}
        return ends.failure ?? 0
    }

    private static func wait(for processes: [ChildProgram], _ ends: Ends) {
        var left = processes.count
        var failedAt: ContinuousClock.Instant?
        var hasAsked = false
        while left > 0 {
            if ends.wait(seconds: 0.2) { left -= 1 }
            guard ends.failure != nil else { continue }
            let since = failedAt ?? .now
            failedAt = since
            let seconds = (ContinuousClock.now - since) / .seconds(1)
            if seconds > patience, !hasAsked {
                hasAsked = true
                for process in processes { process.stop() }
            }
            if seconds > patience + 15 {
                for process in processes { process.stop(by: SIGKILL) }
            }
        }
    }

    /// A port of this machine that is free now.
    private static func freePort() throws -> Int {
        #if os(Linux)
            let kind = Int32(SOCK_STREAM.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, kind, 0)
        guard descriptor >= 0 else { throw FileFailure("127.0.0.1", "has no free port") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw FileFailure("127.0.0.1", "has no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// How the processes ended.
private final class Ends: Sendable {
    private let first = Mutex<Int32?>(nil)
    private let done = DispatchSemaphore(value: 0)

    /// The exit status of the first that failed.
    var failure: Int32? { first.withLock { $0 } }

    /// Waits for the end of a process.
    func await(_ process: ChildProgram, _ rank: Int, of count: Int) {
        let status = process.wait()
        if status != 0 { first.withLock { if $0 == nil { $0 = Int32(status) } } }
        if status > 128 {
            StandardError.note("process \(rank) of \(count) was ended by signal \(status - 128)")
        }
        done.signal()
    }

    /// Waits until another process has ended, at most so many seconds.
    func wait(seconds: Double) -> Bool { done.wait(timeout: .now() + seconds) == .success }
}
