import Testing

@testable import COCO

/// The fields of an object are bits of one number.
@Suite struct JSONFieldsTests {
    private static let names: [StaticString] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t",
        "u",
        "v", "w", "x", "y", "z", "A", "B", "C", "D", "E", "F",
    ]

    private func read(_ text: String, _ names: [StaticString]) throws -> [Int] {
        try Array(text.utf8).withUnsafeBytes { bytes in
            var scanner = try JSONScanner(bytes)
            var fields = JSONFields(names)
            var found: [Int] = []
            guard try scanner.beginObject() else { return [] }
            repeat {
                found.append(try fields.next(&scanner))
                try scanner.skipValue()
            } while try scanner.continueObject()
            return found
        }
    }

    @Test func thirtyTwoNamesAreToldApart() throws {
        let text = "{" + Self.names.reversed().map { "\"\($0)\": 0" }.joined(separator: ", ") + "}"
        #expect(try read(text, Self.names) == Array((0..<32).reversed()))
        #expect(throws: JSONScanner.Failure.self) { try read(#"{"F": 0, "A": 1, "F": 2}"#, Self.names) }
    }

    /// A name more would have no bit, and its second occurrence would pass.
    @Test func oneNameMoreIsRefused() async {
        await #expect(processExitsWith: .failure) {
            _ = JSONFields(Array(repeating: "a", count: 33))
        }
    }
}
