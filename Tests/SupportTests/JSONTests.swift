import FixtureSupport
import Testing

@Suite struct JSONTests {
    private struct Figures: Encodable {
        var name = "a\"/b"
        var values: [Double] = [1, 0.1, .nan, .infinity, -.infinity]
        var single = Float(0.1)
    }

    @Test func numbersThatJSONLacksAreNull() throws {
        #expect(
            try JSONText.line(Figures())
                == #"{"name":"a\"/b","single":0.1,"values":[1,0.1,null,null,null]}"#)
        #expect(try JSONText.document([Double.nan]).filter { !$0.isWhitespace } == "[null]")
        #expect(JSONText.list([1, .nan, 0.25]) == "[1,null,0.25]")
        var object = JSONObject()
        object.add("z", Double.nan)
        object.add("a", 2.5)
        #expect(object.text == #"{"z":null,"a":2.5}"#)
    }

    /// Numbers of up to 20 digits with a point at any place, and what the language writes of random ones.
    @Test func numbersAreReadAsTheLanguageReadsThem() throws {
        var random = SplitMix64(seed: 5)
        func check(_ text: String) throws {
            let want = try #require(Double(text), "\(text)")
            let bytes = Array(text.utf8)
            let (value, double) = try bytes.withUnsafeBytes { bytes in
                var (reader, other) = (JSONReader(bytes), JSONReader(bytes))
                let value = try reader.number()
                try reader.expectEnd()
                return (value, other.plainDouble())
            }
            switch value {
            case .integer(let whole): #expect(text == String(whole) || Int(text) == whole, "\(text)")
            case .real(let number): #expect(number == want, "\(text)")
            default: Issue.record("\(text)")
            }
            #expect(double == nil || double == want, "\(text)")
            #expect(DecimalText.number(text) == want, "\(text)")
        }
        for index in 0..<20_000 {
            let count = 1 + index % 20
            var digits = (0..<count).map { _ in Character(String(random.next() % 10)) }
            if count > 1, index % 3 > 0 { digits.insert(".", at: 1 + Int(random.next() % UInt64(count - 1))) }
            try check((index % 5 == 0 ? "-" : "") + String(digits))
            let scale = Double(random.next() % 100_000) / 7
            try check("\(scale * Double(random.next() >> 11) / Double(1 << 53))")
        }
        for text in ["-0", "0.0", "1e3", "-2.5E-7", "9007199254740993", "0.1234567890123456789012345"] {
            try check(text)
        }
        for text in ["-", "+1", "1x", "--1", ""] {
            #expect(throws: JSONReader.Failure.self) {
                try Array(text.utf8).withUnsafeBytes { bytes in
                    var reader = JSONReader(bytes)
                    _ = try reader.number()
                    try reader.expectEnd()
                }
            }
        }
    }

    @Test func aKeyThatOccursTwiceIsNamed() throws {
        for count in [2, 40] {
            let keys = (0..<count).map { "\"k\($0)\": 1" } + ["\"k1\": 2"]
            let failure = #expect(throws: JSONReader.Failure.self) {
                _ = try Array("{\(keys.joined(separator: ", "))}".utf8).withUnsafeBytes {
                    try JSONValue(parsing: $0)
                }
            }
            #expect(failure?.reason == "key \"k1\" occurs twice")
        }
    }

    @Test func markupHasNoTags() {
        #expect(Markup.escaped("<a b='\"'>&\u{1}") == "&lt;a b=&#39;&quot;&#39;&gt;&amp; ")
    }

    @Test func numbersForPeople() {
        #expect(NumberText.decimals(2.5, 2) == "2.50" && NumberText.significant(0.00012345, 3) == "0.000123")
        #expect(NumberText.shortest(224.0) == "224" && NumberText.shortest(0.05) == "0.05")
        #expect(
            NumberText.duration(seconds: 3725) == "1:02:05" && NumberText.duration(seconds: 125) == "2:05")
        #expect(NumberText.duration(seconds: .nan) == "-")
    }

    @Test(
        arguments: [
            ("[1, -2.5,3]", [1, -2.5, 3], nil), ("[[1,2], [3.5,-4]]", nil, [1, 2, 3.5, -4]), ("[]", nil, nil),
            ("[1, \"2\"]", nil, nil), ("[[1,2,3]]", nil, nil), ("[[1,2],[3]]", nil, nil), ("[1,]", nil, nil),
            ("[[1,2],]", nil, nil), ("[1e3]", nil, nil), ("[", nil, nil), ("7", nil, nil),
        ] as [(String, [Double]?, [Double]?)])
    func listsOfNumbersAreReadOrLeft(_ text: String, _ numbers: [Double]?, _ points: [Double]?) {
        Array(text.utf8).withUnsafeBytes { bytes in
            var reader = JSONReader(bytes)
            #expect(reader.plainDoubles() == numbers)
            #expect(numbers == nil ? reader.position == 0 : reader.peek() == nil)
            reader = JSONReader(bytes)
            #expect(reader.plainPoints() == points)
            #expect(points == nil ? reader.position == 0 : reader.peek() == nil)
        }
    }

    @Test func stringsAreUTF8() throws {
        for (bytes, wanted) in [
            ([0x22, 0x61, 0x7F, 0x22], "a\u{7F}"), ([0x22, 0xC3, 0xA4, 0x22], "ä"),
            ([0x22, 0xC3, 0x22], nil),
            ([0x22, 0x61, 0xFF, 0x22], nil), ([0x22, 0x22], ""),
        ] as [([UInt8], String?)] {
            bytes.withUnsafeBytes { bytes in
                var reader = JSONReader(bytes)
                #expect((try? reader.string()) == wanted)
            }
        }
    }
}
