/// The fields of one object: the index of a key among the known names, and which fields were seen.
///
/// Keys are compared as bytes: converting them to strings would take longer than everything else.
struct JSONFields {
    private let names: [StaticString]
    private var seen: UInt32 = 0
    /// The field that followed each field last time, and at the end the first field of an object: the objects of a file
    /// usually have the same order of keys.
    private var followers: [Int]
    private var last: Int

    /// Creates a list of at most 32 names, the number of bits in ``seen``.
    init(_ names: [StaticString]) {
        precondition(names.count <= UInt32.bitWidth, "an object of more than 32 known fields")
        self.names = names
        followers = Array(repeating: 0, count: names.count + 1)
        last = names.count
    }

    /// Starts a new object.
    mutating func reset() {
        seen = 0
        last = names.count
    }

    /// The name at `index`.
    func name(_ index: Int) -> StaticString { names[index] }

    /// Whether the field at `index` was seen.
    func has(_ index: Int) -> Bool { seen >> UInt32(index) & 1 != 0 }

    /// Reads a key and its colon.
    ///
    /// - Returns: The index among the names; -1 for an unknown key.
    /// - Throws: ``JSONScanner/Failure`` if a known key occurs a second time.
    @inline(__always)
    mutating func next(_ scanner: inout JSONScanner) throws -> Int {
        let found = try scanner.withStringBytes { index(of: $0) }
        if found >= 0 {
            guard seen >> UInt32(found) & 1 == 0 else {
                throw scanner.failure("the key \"\(names[found])\" occurs twice")
            }
            seen |= 1 << UInt32(found)
            followers[last] = found
            last = found
        }
        try scanner.expect(":")
        _ = scanner.peek()
        return found
    }

    @inline(__always)
    private func index(of key: UnsafeBufferPointer<UInt8>) -> Int {
        let names = names.span
        let guess = followers.span[last]
        if Self.equal(names[guess], key) { return guess }
        for index in names.indices where Self.equal(names[index], key) { return index }
        return -1
    }

    @inline(__always)
    private static func equal(_ name: StaticString, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
        guard name.utf8CodeUnitCount == key.count else { return false }
        let name = name.utf8Start
        for index in 0..<key.count where name[index] != key[index] { return false }
        return true
    }

    /// Throws unless the field at `index` was seen.
    @inline(__always)
    func require(_ index: Int, _ scanner: JSONScanner) throws {
        guard has(index) else { throw scanner.failure("the field \"\(names[index])\" is missing") }
    }
}
