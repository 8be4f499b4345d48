/// The fields of one object: which of the known ones a key names, and which were seen.
///
/// Keys are compared as bytes; making a string of each would take longer than all the rest of the reading.
struct JSONFields {
    private let names: [StaticString]
    private var seen: UInt32 = 0

    /// At most 32 names.
    init(_ names: [StaticString]) { self.names = names }

    /// Begins a new object.
    mutating func reset() { seen = 0 }

    /// Whether the field at `index` was seen.
    func has(_ index: Int) -> Bool { seen >> UInt32(index) & 1 != 0 }

    /// Reads a key and its colon.
    ///
    /// - Returns: the index among the names, -1 for a key that is not among them.
    /// - Throws: ``JSONScanner/Failure`` when a known key occurs a second time.
    @inline(__always)
    mutating func next(_ scanner: inout JSONScanner) throws -> Int {
        let names = self.names
        let found = try scanner.withStringBytes { key in
            for index in names.indices
            where names[index].utf8CodeUnitCount == key.count && Self.equal(names[index].utf8Start, key) {
                return index
            }
            return -1
        }
        if found >= 0 {
            guard seen >> UInt32(found) & 1 == 0 else {
                throw scanner.failure("the key \"\(names[found])\" occurs twice")
            }
            seen |= 1 << UInt32(found)
        }
        try scanner.expect(":")
        _ = scanner.peek()
        return found
    }

    @inline(__always)
    private static func equal(_ name: UnsafePointer<UInt8>, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
        for index in 0..<key.count where name[index] != key[index] { return false }
        return true
    }

    /// Fails unless the field at `index` was seen.
    @inline(__always)
    func require(_ index: Int, _ scanner: JSONScanner) throws {
        guard has(index) else { throw scanner.failure("the field \"\(names[index])\" is missing") }
    }
}
