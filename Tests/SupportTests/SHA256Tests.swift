import Support
import Testing

/// Examples of FIPS 180-4.
@Suite struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func knownTexts(text: String, expected: String) {
        #expect(SHA256.hash(text.utf8).hexadecimal == expected)
    }

    @Test func piecesOfAnyLength() {
        let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        var whole = SHA256()
        whole.update(bytes)
        for size in [1, 3, 63, 64, 65, 200] {
            var pieces = SHA256()
            for start in stride(from: 0, to: bytes.count, by: size) {
                pieces.update(bytes[start..<min(start + size, bytes.count)])
            }
            #expect(pieces.finalized() == whole.finalized())
        }
    }

    @Test func sequencesWithoutContiguousStorage() {
        let bytes = (0..<300).map { UInt8($0 % 251) }
        #expect(SHA256.hash(bytes.lazy.map { $0 }) == SHA256.hash(bytes))
    }
}
