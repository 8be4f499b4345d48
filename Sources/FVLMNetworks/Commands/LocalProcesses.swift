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
        guard let program = Bundle.main.executablePath else {
            throw FileFailure("fvlm-networks", reason: "cannot find its own program", exitStatus: .failure)
        }
        let port = try freePort()
        StandardError.note(
            "\(count) processes on this machine, which meet at 127.0.0.1, port \(port) (--processes)")
        let failure = Mutex<Int32?>(nil)
        let done = DispatchSemaphore(value: 0)
        var processes: [Process] = []
        for rank in 0..<count {
            let process = Process()
            process.executableURL = URL(filePath: program)
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment.merging([
                "RANK": "\(rank)", "LOCAL_RANK": "\(rank)", "WORLD_SIZE": "\(count)",
                "LOCAL_WORLD_SIZE": "\(count)",
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)",
            ]) { $1 }
            process.terminationHandler = { process in
                let status =
                    process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
                if status != 0 {
                    failure.withLock { if $0 == nil { $0 = status } }
                    if process.terminationReason == .uncaughtSignal {
                        StandardError.note(
                            "process \(rank) of \(count) was ended by signal \(process.terminationStatus)")
                    }
                }
                done.signal()
            }
            do { try process.run() } catch {
                for started in processes { started.terminate() }
                throw FileFailure(program, reason: "cannot be started: \(error)", exitStatus: .failure)
            }
            processes.append(process)
        }
        let pids = processes.map(\.processIdentifier)
        let signals = StopSignals { for pid in pids { kill(pid, SIGINT) } }
        wait(for: processes, done, failure)
        withExtendedLifetime(signals) {}
        return failure.withLock { $0 } ?? 0
    }

    private static func wait(
        for processes: [Process], _ done: DispatchSemaphore, _ failure: borrowing Mutex<Int32?>
    ) {
        var left = processes.count
        var failedAt: ContinuousClock.Instant?
        var hasAsked = false
        while left > 0 {
            if done.wait(timeout: .now() + 0.2) == .success { left -= 1 }
            guard failure.withLock({ $0 }) != nil else { continue }
            let since = failedAt ?? .now
            failedAt = since
            let seconds = (ContinuousClock.now - since) / .seconds(1)
            if seconds > patience, !hasAsked {
                hasAsked = true
                for process in processes where process.isRunning { process.terminate() }
            }
            if seconds > patience + 15 {
                for process in processes where process.isRunning { kill(process.processIdentifier, SIGKILL) }
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
