/// Values by keys, of which the least recently used make room for new ones.
struct RecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var entries: [Key: (value: Value, use: UInt64)] = [:]
    private var clock: UInt64 = 0

    /// The most values.
    let limit: Int

    init(limit: Int) { self.limit = limit }

    var count: Int { entries.count }
    var keys: [Key] { Array(entries.keys) }

    /// The value, which counts as used now.
    mutating func use(_ key: Key) -> Value? {
        guard let value = entries[key]?.value else { return nil }
        clock += 1
        entries[key] = (value, clock)
        return value
    }

    /// The value, without counting as used.
    func peek(_ key: Key) -> Value? { entries[key]?.value }

    /// Adds a value.
    /// - Returns: The keys that made room.
    @discardableResult
    mutating func insert(_ value: Value, for key: Key) -> [Key] {
        clock += 1
        entries[key] = (value, clock)
        var removed: [Key] = []
        while entries.count > limit, let oldest = entries.min(by: { $0.value.use < $1.value.use })?.key {
            entries[oldest] = nil
            removed.append(oldest)
        }
        return removed
    }

    @discardableResult
    mutating func remove(_ key: Key) -> Value? { entries.removeValue(forKey: key)?.value }
}
