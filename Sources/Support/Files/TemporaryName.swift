/// Names of files and folders that are not complete yet.
package enum TemporaryName {
    /// A name beside `path` that nothing has: 64 random bits.
    package static func beside(_ path: String) -> String {
        "\(path).\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
    }
}
