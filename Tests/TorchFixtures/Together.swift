import Foundation
import Synchronization

/// Runs the processes of a group as threads of the test's own process.
public enum Together {
    /// The results of `body` for each number below `count`, each on a thread of its own: all may wait for each other.
    public static func run<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
    ) -> [Result<Value, any Error>] {
        let results = Mutex([Int: Result<Value, any Error>]())
        let done = DispatchSemaphore(value: 0)
        for number in 0..<count {
            let thread = Thread {
                let result = Result { try body(number) }
                results.withLock { $0[number] = result }
                done.signal()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        for _ in 0..<count { done.wait() }
        return results.withLock { results in (0..<count).compactMap { results[$0] } }
    }

    /// A port that was free a moment ago.
    public static func freePort() -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(descriptor, address, length) == 0, getsockname(descriptor, address, &length) == 0
                else {
                    return 0
                }
                return UnsafeRawPointer(address).withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    Int(UInt16(bigEndian: $0.pointee.sin_port))
                }
            }
        }
    }
}
