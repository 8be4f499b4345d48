import Testing

@testable import CLIP

/// Text repair against ftfy 6.3.1 (`ftfy.fix_text`) and Python's `html.unescape`; the expected strings were
/// printed by them.
@Suite struct TextRepairTests {
    private func fixed(_ text: String) -> String {
        String(String.UnicodeScalarView(TextRepair.fix(Array(text.unicodeScalars))))
    }

    private func unescaped(_ text: String) -> String {
        String(String.UnicodeScalarView(HTMLEntities.unescape(Array(text.unicodeScalars))))
    }

    @Test(arguments: [
        ("âœ\u{201D} No problems", "\u{2714} No problems"),
        ("&macr;\\_(ã\u{83}\u{84})_/&macr;", "¯\\_(\u{30C4})_/¯"),
        ("Broken text&hellip; it&#x2019;s \u{FB02}ubberi\u{FB01}c!", "Broken text\u{2026} it's flubberific!"),
        (
            "\u{FF2C}\u{FF2F}\u{FF35}\u{FF24}\u{3000}\u{FF2E}\u{FF2F}\u{FF29}\u{FF33}\u{FF25}\u{FF33}",
            "LOUD NOISES"
        ),
        ("sÃ³", "só"),
        ("voilÃ le travail", "voilà le travail"),
        ("Ã la mode", "à la mode"),
        ("fÃ cil", "fà cil"),
        ("l\u{2019}été", "l'été"),
        ("â\u{20AC}œ like this â\u{20AC}\u{FFFD}", "\" like this \u{FFFD}"),
        ("P&EACUTE;REZ", "PÉREZ"),
        ("BUNDESSTRA&SZLIG;E", "BUNDESSTRASSE"),
        ("&ntilde; &Ntilde; &NTILDE; &nTILDE;", "ñ Ñ Ñ &nTILDE;"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("a\u{A}<b>\u{A}&amp;", "a\u{A}<b>\u{A}&amp;"),
        ("&amp;\u{A}<b>", "&\u{A}<b>"),
        ("\u{FF35}\u{FF80}\u{FF70}\u{FF9D}", "U\u{30BF}\u{30FC}\u{30F3}"),
        ("\u{1B}[36;44mI'm blue\u{1B}[0m", "I'm blue"),
        ("This \u{85} that", "This \u{2026} that"),
        ("a\u{D}\u{A}b\u{D}c\u{2028}d", "a\u{A}b\u{A}c\u{A}d"),
        ("\u{FEFF}bom", "bom"),
        ("Ð¡Ð¾Ð±Ð°ÐºÐ°", "\u{421}\u{43E}\u{431}\u{430}\u{43A}\u{430}"),
        (
            "\u{420}\u{40E}\u{420}\u{455}\u{420}±\u{420}°\u{420}\u{454}\u{420}°",
            "\u{421}\u{43E}\u{431}\u{430}\u{43A}\u{430}"
        ),
        ("ÎšÎ±Î»Î·Î¼Î\u{AD}ÏÎ±", "\u{39A}\u{3B1}\u{3BB}\u{3B7}\u{3BC}\u{3AD}Ï\u{3B1}"),
        ("schÃ¶n und gut", "schön und gut"),
        (
            "The Mona Lisa doesnÃƒÂ¢Ã¢â\u{20AC}šÂ¬Ã¢â\u{20AC}žÂ¢t have eyebrows.",
            "The Mona Lisa doesn't have eyebrows."
        ),
        ("l'humanitÃ©", "l'humanité"),
        ("ãƒ\u{2030}ãƒ©", "\u{30C9}\u{30E9}"),
        ("\u{221A}§ and \u{201A}Äôs", "ä and 's"),
        ("na\u{221A}Øve caf\u{221A}©", "naïve café"),
        ("Êxample ÀÀÀ", "Êxample ÀÀÀ"),
        ("Å½", "Ž"),
        ("©2024 ®", "©2024 ®"),
        ("50°C ± 2", "50°C ± 2"),
        ("£9\u{2013}£12", "£9\u{2013}£12"),
        ("À l\u{2019}heure", "À l'heure"),
        ("\u{201C}ok\u{201D} \u{2018}ok\u{2019}", "\"ok\" 'ok'"),
        ("e\u{301}", "é"),
        ("\u{212B}", "Å"),
        ("ÀÂ\u{20AC}", "À\u{20AC}"),
        ("Ã\u{A0} la", "à la"),
        ("í\u{A0}½í¸\u{8D}", "\u{1F60D}"),
        ("í\u{A0}½í¸\u{8D}", "\u{1F60D}"),
        ("º«", "º«"),
        ("café à Paris \u{2013} \u{201C}très bon\u{201D}", "café à Paris \u{2013} \"très bon\""),
        ("Łódź", "Łódź"),
        ("ÅÃ³dÅº", "Åódź"),
        ("Å\u{FFFD}Ã³dÅº", "\u{FFFD}ódź"),
        ("tak â jest", "tak â jest"),
        ("Â£100", "£100"),
        ("1Â½", "1½"),
        ("x²", "x²"),
        ("à²¬", "\u{CAC}"),
        ("İ", "İ"),
        ("ŉ", "'n"),
        ("ĳ ǅ \u{FB05}", "ij Dž ſt"),
        ("a\u{0}b\u{7F}c", "abc"),
        ("\u{FF9E}\u{FF76}\u{FF9E}", "\u{3099}\u{30AC}"),
    ])
    func repairs(_ text: String, _ want: String) {
        #expect(Array(fixed(text).unicodeScalars) == Array(want.unicodeScalars), "\(text.debugDescription)")
    }

    @Test(arguments: [
        ("&amp;lt;", "&lt;"),
        ("&amp", "&"),
        ("&ampamp;", "&amp;"),
        ("&not;in", "¬in"),
        ("&notin;", "\u{2209}"),
        ("&notit;", "¬it;"),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#128;", "\u{20AC}"),
        ("&#x0;", "\u{FFFD}"),
        ("&#55296;", "\u{FFFD}"),
        ("&#1114112;", "\u{FFFD}"),
        ("&#99999999999;", "\u{FFFD}"),
        ("&#1;a", "a"),
        ("&#xFFFE;", ""),
        ("&hearts;", "\u{2665}"),
        ("&unknown;", "&unknown;"),
        ("&", "&"),
        ("&;", "&;"),
        ("&#;", "&#;"),
        ("&#x;", "&#x;"),
        ("&copy2024", "©2024"),
        ("&eacute", "é"),
        ("&Eacute;t&eacute", "Été"),
        ("&NotEqualTilde;", "\u{2242}\u{338}"),
        ("a & b", "a & b"),
        ("&#13;", "\u{D}"),
        ("&lt&gt", "<>"),
    ])
    func entities(_ text: String, _ want: String) {
        #expect(
            Array(unescaped(text).unicodeScalars) == Array(want.unicodeScalars), "\(text.debugDescription)")
    }

    @Test func lowerCaseInContextIsPythons() {
        func lower(_ text: String) -> String {
            String(String.UnicodeScalarView(TextPreparation.lowercased(Array(text.unicodeScalars))))
        }
        #expect(lower("ΣΑΣ") == "σας")
        #expect(lower("Σ") == "σ")
        #expect(lower("ΑΣ.Σ ΑΣ") == "ασ.ς ας")
        #expect(lower("İ").unicodeScalars.map(\.value) == [0x69, 0x307])
    }
}
