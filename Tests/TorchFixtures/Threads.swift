import Torch

/// Runs `body` with a number of threads, and sets the number back.
package func withThreads<Result>(_ count: Int, _ body: () throws -> Result) throws -> Result {
    let before = Runtime.threadCount
    try Runtime.setThreadCount(count)
    defer { try? Runtime.setThreadCount(before) }
    return try body()
}
