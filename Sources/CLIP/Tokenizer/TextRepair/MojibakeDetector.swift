/// Detects text that was probably decoded with the wrong encoding, by combinations of characters that are otherwise
/// rare. The character classes and combinations are those of ftfy 6.3 (`badness.py`, `chardata.py`).
enum MojibakeDetector {
    /// Whether any unlikely combination occurs.
    static func isBad(_ text: [Unicode.Scalar]) -> Bool {
        text.indices.contains { start in rules.contains { matches($0, text, start) } }
    }

    /// The non-overlapping pieces that look like UTF-8 decoded as a single-byte encoding.
    static func embeddedUTF8(_ text: [Unicode.Scalar]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var at = 0
        while at < text.count {
            let end = at > 0 && strictContinuation.contains(text[at - 1]) ? at : endOfUTF8(text, at)
            if end > at { result.append(at..<end) }
            at = max(end, at + 1)
        }
        return result
    }

    private static func endOfUTF8(_ text: [Unicode.Scalar], _ start: Int) -> Int {
        var end = start
        while end < text.count {
            let first = text[end]
            let length = leads.first { lead in
                lead.first.contains(first) && end + lead.length <= text.count
                    && text[end + 1..<end + lead.length].allSatisfy(continuation.contains)
            }
            guard let length else { break }
            end += length.length
        }
        return end
    }

    // MARK: Matching

    private enum Element: Sendable {
        case one(ScalarSet)
        case notOne(ScalarSet)
        case space
        case optionalSpace
        case word
        case start
    }

    private static func matches(_ rule: [Element], _ text: [Unicode.Scalar], _ start: Int) -> Bool {
        var at = start
        for element in rule {
            switch element {
            case .start:
                guard at == 0 else { return false }
                continue
            case .optionalSpace:
                // The next element of a rule is never white space itself, so consuming it is always right.
                if at < text.count, text[at].isPythonSpace { at += 1 }
                continue
            default: break
            }
            guard at < text.count else { return false }
            let scalar = text[at]
            let fits =
                switch element {
                case .one(let set): set.contains(scalar)
                case .notOne(let set): !set.contains(scalar)
                case .space: scalar.isPythonSpace
                case .word: scalar.isLetter || scalar.isNumber || scalar == "_"
                case .start, .optionalSpace: true
                }
            guard fits else { return false }
            at += 1
        }
        return true
    }

    // MARK: Classes

    private static let classes: [String: String] = [
        "common": "\u{A0}\u{AD}·´–—―…’",
        "c1": "\u{80}-\u{9F}",
        "bad": "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\u{FFFD}ªº",
        "law": "¶§",
        "currency": "¢£¥₧€",
        "start": "¡«¿©΄΅‘‚“„•‹\u{F8FF}",
        "end": "®»˝”›™",
        "numeric": "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№",
        "kaomoji": "Ò-ÖÙ-Üò-öø-üŐŌŪŲ°",
        "upper": "À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ",
        "lower": "ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ",
        "uppercommon": "ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я",
        "lowercommon": "α-ωάέήίΰа-џ",
        "box": "│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓",
    ]

    private static let leads: [(first: ScalarSet, length: Int)] = [
        (
            ScalarSet(
                "ĂÂÄĀÅÃÆĆČÇĎĐÉĚÊËĖÈĒĘÐĞĢÍÎÏİÌĪĶĹĻŁŃŇŅÑÓÔÖŐÒŌØÕŘŚŠŞŢÞÚÛÜŰÙŪŲŮÝŹŽŻß×"
                    + "ΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫάέήίВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"),
            2
        ),
        (
            ScalarSet("áăâäàāąåãæćčçďéěêëėèēęģíîïìīįķĺļŕźΰαβγδεζηθικλμνξοабвгдежзийклмноп"), 3
        ),
        (ScalarSet("đðğóšπσру"), 4),
    ]

    private static let strictContinuation = ScalarSet(
        "\u{80}-¿ĄÆĽŁØŖŚŠŞŤŸŹŽŻŒąæƒľłøŗśšşťźžżœˆˇ˘˛˜˝΄΅ΆΈΉΊΌΎΏЁЂЃЄЅІЇЈЉЊЋЌЎЏёђѓєѕіїјљњћќўџҐґ†‡‰‹›€№™")

    private static let continuation = ScalarSet(
        "\u{80}-¿ ĄÆĽŁØŖŚŠŞŤŸŹŽŻŒąæƒľłøŗśšşťźžżœˆˇ˘˛˜˝΄΅ΆΈΉΊΌΎΏЁЂЃЄЅІЇЈЉЊЋЌЎЏёђѓєѕіїјљњћќўџҐґ–—―‘’‚“”„†‡•…‰‹›€№™"
    )

    // MARK: Rules

    private static func one(_ text: String) -> Element {
        var expanded = text
        for (name, characters) in classes { expanded = expanded.replacing("{\(name)}", with: characters) }
        return .one(ScalarSet(expanded))
    }

    private static let rules: [[Element]] = [
        [one("{c1}")],
        [one("{bad}{lower}{upper}{box}{start}{end}{currency}{numeric}{law}"), one("{bad}")],
        [one("a-zA-Z"), one("{lowercommon}{uppercommon}"), one("{bad}")],
        [one("{bad}"), one("{lower}{upper}{box}{start}{end}{currency}{numeric}{law}")],
        [one("{lower}{lowercommon}{box}{end}{currency}{numeric}"), one("{upper}")],
        [one("{box}{end}{currency}{numeric}"), one("{lower}")],
        [one("{lower}{box}{end}"), one("{currency}")],
        [.space, one("{upper}"), one("{currency}")],
        [one("{upper}{box}"), one("{numeric}{law}")],
        [one("{lower}{upper}{box}{currency}{end}"), one("{start}"), one("{numeric}")],
        [one("{lower}{upper}{currency}{numeric}{box}{law}"), one("{end}"), one("{start}")],
        [one("{currency}{numeric}{box}"), one("{start}")],
        [one("a-z"), one("{upper}"), one("{start}{currency}")],
        [one("{box}"), one("{kaomoji}")],
        [one("{lower}{upper}{currency}{numeric}{start}{end}{law}"), one("{box}")],
        [one("{box}"), one("{end}")],
        [one("{lower}{upper}"), one("{start}{end}"), .word],
        // The ligature oe before anything but an unaccented Latin letter; a degree sign after a capital.
        [one("Œœ"), .notOne(ScalarSet("A-Za-z"))],
        [one("{upper}"), one("°")],
        // Windows-1252.
        [one("ÂÃÎÐ"), one("€œŠš¢£Ÿž\u{A0}\u{AD}®©°·»{start}{end}–—´")],
        [one("×"), one("²³")],
        [
            one("ØÙ"), one("{common}{currency}{bad}{numeric}{start}ŸŠ®°µ»"), one("ØÙ"),
            one("{common}{currency}{bad}{numeric}{start}ŸŠ®°µ»"),
        ],
        [one("à"), one("²µ¹¼½¾")],
        // MacRoman.
        [one("√"), one("±∂†≠®™´≤≥¥µø")],
        [one("≈"), one("°¢")],
        [one("‚"), one("Ä"), one("ìîïòôúùû†°¢π")],
        [one("‚"), one("âó"), one("àä°ê")],
        // Windows-1251.
        [one("в"), one("Ђ")],
        [one("ВГРС"), one("{c1}{bad}{start}{end}{currency}°µ"), one("ВГРС")],
        [
            one("Г"), one("ў"), one("В"), one("Ђ"), one("В"), .notOne(ScalarSet("\n")), one("A-Za-z "),
        ],
        // Windows-1252 of a letter a with an accent, and of the no-break space.
        [one("Ã"), one("\u{A0}¡")],
        [one("a-z"), .optionalSpace, one("ÃÂ"), one(" ")],
        [.start, one("ÃÂ"), one(" ")],
        [one("a-z.,?!{end}"), one("Â"), one(" {start}{end}")],
        // Windows-1253 and Windows-1257.
        [one("β"), one("€"), one("™\u{A0}Ά\u{AD}®°")],
        [one("ΒΓΞΟ"), one("{c1}{bad}{start}{end}{currency}°"), one("ΒΓΞΟ")],
        [one("ā"), one("€")],
    ]
}

/// A set of characters in the notation of a regular expression's brackets: single ones and ranges with a hyphen.
struct ScalarSet: Sendable {
    private let scalars: Set<Unicode.Scalar>

    init(_ text: String) {
        var scalars: Set<Unicode.Scalar> = []
        let list = Array(text.unicodeScalars)
        var at = 0
        while at < list.count {
            if at + 2 < list.count, list[at + 1] == "-" {
                for value in list[at].value...list[at + 2].value {
                    Unicode.Scalar(value).map { _ = scalars.insert($0) }
                }
                at += 3
            } else {
                scalars.insert(list[at])
                at += 1
            }
        }
        self.scalars = scalars
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool { scalars.contains(scalar) }
}
