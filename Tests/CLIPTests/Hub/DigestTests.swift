import Testing

@testable import CLIP

/// Examples of FIPS 180-4 and of git.
@Suite struct DigestTests {
    @Test func sha1() {
        #expect(SHA1.digest(Array("abc".utf8)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(SHA1.gitBlob([]) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
        #expect(SHA1.gitBlob(Array("hello\n".utf8)) == "ce013625030ba8dba906f756967f9e9ca394464a")
    }
}
