import Support
import Testing

@Suite struct CSVReaderTests {
    private func rows(_ text: String) throws -> [[String]] {
        try Array(text.utf8).withUnsafeBytes { bytes in
            var reader = try CSVReader(bytes)
            var rows: [[String]] = []
            while try reader.next() { rows.append(reader.values) }
            return rows
        }
    }

    @Test func quotesCommasAndLineEndsAreRead() throws {
        #expect(
            try rows("\u{FEFF}a,b\r\n\r\n\"x,\"\"y\"\"\n z\",\n,\"\"\r1")
                == [["a", "b"], ["x,\"y\"\n z", ""], ["", ""], ["1"]])
        #expect(try rows("").isEmpty)
    }

    @Test func faultsAreNamedWithTheirLine() throws {
        for (text, line) in [("a\n\"b", 2), ("a\nb\n\"c\"d", 3)] {
            do {
                _ = try rows(text)
                Issue.record("\(text)")
            } catch let failure as CSVReader.Failure { #expect(failure.line == line) }
        }
    }

    @Test func whatIsQuotedComesBack() throws {
        for value in ["plain", "a,b", "\"q\"", "two\nlines", ""] {
            #expect(try rows("x," + CSVReader.quoted(value)) == [["x", value]])
        }
    }

    @Test func numbersAreRoundedCorrectly() {
        for text in ["0", "-0.5", "+3.25", "1e-3", "123456789.123456789", "0.1", " 7 ", ".5", "5."] {
            #expect(DecimalText.number(text) == Double(text.filter { $0 != " " }))
        }
        for text in ["", "x", "1x", "nan", "inf", "1e999", "0x10", "--1", "1.2.3", "."] {
            #expect(DecimalText.number(text) == nil, "\(text)")
        }
    }

    @Test func numbersAreWrittenShort() {
        var text = TextBuffer()
        for value in [0, -0.5, 1, 0.123456789012, 2.5e-11, 123] {
            text.decimals(value)
            text.raw(" ")
        }
        #expect(text.text == "0 -0.5 1 0.123456789 0 123 ")
        text.clear()
        for value in [0.1 + 0.2, 100, -1.25, 1e-7] {
            text.number(value)
            text.raw(" ")
        }
        #expect(text.text == "0.30000000000000004 100 -1.25 1e-07 ")
    }
}
