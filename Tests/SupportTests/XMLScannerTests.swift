import Support
import Testing

@Suite struct XMLScannerTests {
    private func scan<Result>(_ text: String, _ body: (inout XMLScanner) throws -> Result) throws -> Result {
        try Array(text.utf8).withUnsafeBytes { bytes in
            var scanner = try XMLScanner(bytes)
            return try body(&scanner)
        }
    }

    private func reason(_ text: String) -> String {
        do {
            try scan(text) { scanner in while try scanner.next() != .finish {} }
            return ""
        } catch let failure as XMLScanner.Failure { return failure.reason } catch { return "\(error)" }
    }

    @Test func elementsAttributesAndTextAreRead() throws {
        let text = """
            \u{FEFF}<?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE a [<!ENTITY x "y>">]>
            <!-- <b> -->
            <a><b k = 'x &amp; "y"' n="-1.5e1"/>\r\n<c> &lt;&#65;&#x1F600; <d>inner</d><![CDATA[<&>]]></c></a>
            """
        try scan(text) { scanner in
            try scanner.enterRoot("a")
            var names: [String] = []
            try scanner.forEachChild { scanner in
                names.append(scanner.elementName)
                if scanner.isElement("b") {
                    let (text, number) = (try scanner.attribute("k"), try scanner.number("n"))
                    #expect(text == "x & \"y\"" && number == -15)
                    let missing = try scanner.attribute("missing")
                    #expect(missing == nil)
                } else {
                    let text = try scanner.contents()
                    #expect(text == " <A😀 <&>")
                }
            }
            #expect(names == ["b", "c"])
            let event = try scanner.next()
            #expect(event == .finish)
        }
    }

    @Test func latin1IsReadAndOtherEncodingsAreRefused() throws {
        let latin: [UInt8] =
            Array("<?xml version='1.0' encoding='ISO-8859-1'?><a>".utf8) + [0xFC] + Array("</a>".utf8)
        try latin.withUnsafeBytes { bytes in
            var scanner = try XMLScanner(bytes)
            try scanner.enterRoot("a")
            let text = try scanner.contents()
            #expect(text == "ü")
        }
        #expect(reason("<?xml version='1.0' encoding='GB2312'?><a/>").contains("gb2312"))
    }

    @Test(arguments: [
        ("", "no element"), ("text", "no XML"), ("<a>", "inside <a>"), ("<a></b>", "not open"),
        ("<a b></a>", "'='"),
        ("<a b=c/>", "quotes"), ("<a/><b/>", "second"), ("<a b='x'c='y'/>", "space"), ("<!-- x", "comment"),
        ("<a/>x", "after the end"), (String(repeating: "<a>", count: 300), "deeper"), ("<a b='<'/>", "'<'"),
    ])
    func malformedTextIsNamed(text: String, words: String) {
        #expect(reason(text).contains(words), "\(text): \(reason(text))")
    }

    @Test func unknownEntitiesAreNamed() throws {
        for text in ["<a>&x;</a>", "<a>& b</a>", "<a>&#xD800;</a>"] {
            #expect(throws: XMLScanner.Failure.self) {
                try scan(text) { scanner in
                    try scanner.enterRoot("a")
                    _ = try scanner.contents()
                }
            }
        }
    }
}
