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
}
