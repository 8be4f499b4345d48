/// How much memory reading a file may take.
///
/// A pickle can ask for many times its own size with a few bytes (one object named again and again, a
/// deflated run of zeros); what a reader builds is counted here as it grows, so that such a file is refused
/// and not obeyed.
struct MemoryBudget: Sendable {
    /// Room on top of the multiple of the file's size, so that small files of small objects are read.
    static let constant = 16 << 20

    /// The bytes that may be taken.
    let limit: Int

    /// The bytes taken so far.
    private(set) var spent = 0

    /// Four times the file's size, and a constant.
    init(fileSize: Int) {
        let (product, overflow) = fileSize.multipliedReportingOverflow(by: 4)
        limit = overflow ? .max : max(product, product &+ Self.constant)
    }

    /// Counts `bytes`; false when there is no room for them.
    mutating func spend(_ bytes: Int) -> Bool {
        guard bytes >= 0, bytes <= limit - spent else { return false }
        spent += bytes
        return true
    }
}
