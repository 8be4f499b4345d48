import Foundation
import Synchronization

/// A running program that was started here. Its words keep their bytes, which need not be UTF-8, as names of files need not.
package final class ChildProgram: Sendable {
    private let id: pid_t
    private let isOver = Mutex(false)

    /// Held while a program is started or a pipe is made, which at first any program would get.
    fileprivate static let starting = Mutex(())

    /// Starts a program in a process group of its own, so that a Ctrl-C at the terminal is this program's to pass on.
    ///
    /// - Parameters:
    ///   - path: The program.
    ///   - arguments: What follows the program's name.
    ///   - environment: Its variables; nil for those of this program.
    ///   - input: Its standard input; nil for none. The others likewise. They stay open here.
    /// - Throws: ``FileFailure`` with the path, if it cannot be started.
    package init(
        _ path: String, _ arguments: [String], environment: [String: String]? = nil, input: Int32? = nil,
        output: Int32? = nil, errors: Int32? = nil
    ) throws(FileFailure) {
        #if canImport(Darwin)
            var (actions, attributes): (posix_spawn_file_actions_t?, posix_spawnattr_t?) = (nil, nil)
        #else
            var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (target, descriptor) in [input, output, errors].enumerated() {
            if let descriptor {
                posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
            } else {
                posix_spawn_file_actions_addopen(&actions, Int32(target), "/dev/null", O_RDWR, 0)
            }
        }
        // Signals that are ignored or held back here are not to be there.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))
        let words = Self.pointers([path] + arguments)
        var variables = environment.map { Self.pointers($0.map { "\($0)=\($1)" }) }
        defer { for word in words + (variables ?? []) { free(word) } }
        var id = pid_t()
        let code = path.withPathPointer { path in
            Self.starting.withLock { _ in
                func start(_ variables: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
                    posix_spawn(&id, path, &actions, &attributes, words, variables ?? systemEnvironment)
                }
                for _ in 0..<100 {
                    let code =
                        variables?.withUnsafeMutableBufferPointer { start($0.baseAddress) } ?? start(nil)
                    guard code == ETXTBSY else { return code }
                    // A program written a moment ago is busy while another child, just forked, still has it open.
                    usleep(10_000)
                }
                return ETXTBSY
            }
        }
        guard code == 0 else { throw FileFailure(path, "cannot be started", code: code) }
        self.id = id
    }

    /// Copies of words for the system, with their bytes, and its mark of the end.
    private static func pointers(_ words: [String]) -> [UnsafeMutablePointer<CChar>?] {
        words.map { word in word.withPathPointer { strdup($0) } } + [nil]
    }

    /// Waits for its end, once.
    ///
    /// - Returns: The exit status; for one that a signal ended 128 and the signal's number.
    package func wait() -> Int {
        var information = siginfo_t()
        // Without taking its number from it, which `stop` may be about to use.
        while waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        return isOver.withLock { isOver in
            isOver = true
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            return Int(signal == 0 ? status >> 8 & 0xFF : 128 + signal)
        }
    }

    /// Asks it to end.
    package func stop(by signal: Int32 = SIGTERM) {
        isOver.withLock { if !$0 { _ = kill(id, signal) } }
    }
}

/// A pipe whose ends programs that are started do not get unless they are given them.
package struct PipeEnds: Sendable {
    package let reading: FileHandle
    package let writing: FileHandle

    /// - Throws: ``FileFailure`` when no more files can be open.
    package init() throws(FileFailure) {
        var ends: [Int32] = [-1, -1]
        let code = ChildProgram.starting.withLock { _ in
            guard pipe(&ends) == 0 else { return errno }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return 0
        }
        guard code == 0 else { throw FileFailure("a pipe", "cannot be made", code: code) }
        reading = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        writing = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    }
}
