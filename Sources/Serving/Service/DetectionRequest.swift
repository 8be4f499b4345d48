import CLIP
import FVLM
import Foundation
import Imaging
import NIOCore
import Support

/// A picture as it came.
struct SentPicture: Sendable {
    let name: String
    let bytes: ByteBuffer
}

/// A box in one of a request's pictures that shows a class.
struct SentExample: Sendable {
    /// The place of its picture among the request's.
    var picture = 0
    let box: ExampleBox
}

/// What a client wants to know of pictures.
struct DetectionRequest: Sendable {
    var pictures: [SentPicture] = []
    /// The handle of a picture that was encoded before.
    var encoded: String?
    /// The words to look for.
    var classes: [Vocabulary.Class]?
    /// The name of a vocabulary.
    var vocabulary: String?
    /// Boxes that show classes.
    var examples: [SentExample] = []
    /// The share of the words in classes that have examples too.
    var mix: Double?
    var scoreThreshold: Double?
    var includesMasks = false
    var limit: Int?
    /// Whether answers tell how likely the picture has each class.
    var includesPresence = false
    /// Whether scores are mapped by the detector's calibration.
    var isCalibrated = false
    /// Whether only what reaches the calibration's thresholds is kept.
    var keepsBest = false
    /// Whether the picture itself is needed again, to be drawn on.
    var keepsPictures = false

    /// Takes a parameter from a query, a part of a form or a member of an object.
    /// - Throws: ``RequestFault`` for a name that is not known, and for a value that it cannot have.
    mutating func set(_ name: String, _ value: JSONValue) throws {
        switch name {
        case "classes":
            let more = try Self.strings(value, name).map {
                Vocabulary.Class($0.trimmingCharacters(in: .whitespaces))
            }
            classes = (classes ?? []) + more
        case "vocabulary": vocabulary = try Self.string(value, name)
        case "encoded": encoded = try Self.string(value, name)
        case "score_threshold":
            let number = try Self.number(value, name)
            guard (0...1).contains(number) else {
                throw RequestFault.bad("score_threshold must be from 0 to 1")
            }
            scoreThreshold = number
        case "limit":
            let number = try Self.number(value, name)
            guard (1...10_000).contains(number), number.rounded() == number else {
                throw RequestFault.bad("limit must be a whole number from 1 to 10000")
            }
            limit = Int(number)
        case "masks": includesMasks = try Self.flag(value, name)
        case "presence": includesPresence = try Self.flag(value, name)
        case "calibrated": isCalibrated = try Self.flag(value, name)
        case "threshold":
            guard try Self.string(value, name) == "best" else {
                throw RequestFault.bad("threshold can only be 'best'")
            }
            keepsBest = true
        case "mix":
            let number = try Self.number(value, name)
            guard (0...1).contains(number) else { throw RequestFault.bad("mix must be from 0 to 1") }
            mix = number
        case "examples":
            // In a query and in a form it is text.
            if case .string(let text) = value { return try set(name, Self.json(Array(text.utf8))) }
            guard case .array(let items) = value else { throw RequestFault.bad("examples must be a list") }
            guard items.count <= 1_000 else { throw RequestFault.bad("there are more than 1000 examples") }
            for item in items { examples.append(try Self.example(item)) }
        default:
            throw RequestFault.bad(
                "'\(name.prefix(60))' is not known; there are classes, vocabulary, examples, mix, encoded, "
                    + "score_threshold, limit, masks, presence, calibrated and threshold")
        }
    }

    /// The value of JSON text.
    static func json(_ bytes: [UInt8]) throws -> JSONValue {
        do { return try bytes.withUnsafeBytes { try JSONValue(parsing: $0) } } catch {
            throw RequestFault(error)
        }
    }

    static func string(_ value: JSONValue, _ name: String) throws -> String {
        guard case .string(let text) = value else { throw RequestFault.bad("\(name) must be text") }
        return text
    }

    static func strings(_ value: JSONValue, _ name: String) throws -> [String] {
        if case .string(let text) = value { return [text] }
        guard case .array(let items) = value else {
            throw RequestFault.bad("\(name) must be a list of texts")
        }
        var result: [String] = []
        for item in items { result.append(try string(item, name)) }
        return result
    }

    static func number(_ value: JSONValue, _ name: String) throws -> Double {
        switch value {
        case .integer(let number): return Double(number)
        case .real(let number) where number.isFinite: return number
        case .string(let text):
            if let number = Double(text), number.isFinite { return number }
        default: break
        }
        throw RequestFault.bad("\(name) must be a number")
    }

    static func flag(_ value: JSONValue, _ name: String) throws -> Bool {
        switch value {
        case .boolean(let flag): return flag
        case .string("true"), .string("1"), .integer(1): return true
        case .string("false"), .string("0"), .integer(0): return false
        default: throw RequestFault.bad("\(name) must be true or false")
        }
    }

    /// `{"class": "mug", "box": [x, y, width, height], "picture": 0, "negative": false, "weight": 1}`
    private static func example(_ value: JSONValue) throws -> SentExample {
        guard case .object(let members) = value else {
            throw RequestFault.bad("an example must be an object")
        }
        for key in members.keys where !["class", "box", "picture", "negative", "weight"].contains(key) {
            throw RequestFault.bad(
                "an example has class, box, picture, negative and weight, not '\(key.prefix(60))'")
        }
        guard let name = members["class"], let box = members["box"], case .array(let sides) = box,
            sides.count == 4
        else { throw RequestFault.bad("an example needs a class and a box of x, y, width and height") }
        var numbers: [Double] = []
        for side in sides { numbers.append(try number(side, "box")) }
        guard numbers.allSatisfy({ abs($0) <= 1e6 }), numbers[2] > 0, numbers[3] > 0 else {
            throw RequestFault.bad("the box of an example must have a width and a height above 0")
        }
        let weight = try members["weight"].map { try number($0, "weight") } ?? 1
        guard weight > 0, weight <= 1e6 else {
            throw RequestFault.bad("the weight of an example must be above 0")
        }
        let place = try members["picture"].map { try number($0, "picture") } ?? 0
        guard (0...10_000).contains(place), place.rounded() == place else {
            throw RequestFault.bad("picture is the place of the example's picture in the request, from 0")
        }
        return SentExample(
            picture: Int(place),
            box: ExampleBox(
                className: try string(name, "class").trimmingCharacters(in: .whitespaces),
                box: Box(
                    x1: numbers[0], y1: numbers[1], x2: numbers[0] + numbers[2], y2: numbers[1] + numbers[3]),
                weight: weight, isNegative: try members["negative"].map { try flag($0, "negative") } ?? false)
        )
    }

    /// Checks numbers that other requests pay for.
    func check(_ options: ServerOptions) throws {
        guard pictures.count <= options.pictureLimit else {
            throw RequestFault(413, "\(pictures.count) pictures exceed the limit of \(options.pictureLimit)")
        }
        if let classes { try Self.check(classes, options) }
        try Self.check(examples.map { Vocabulary.Class($0.box.className) }, options)
        for example in examples where !pictures.indices.contains(example.picture) {
            throw RequestFault.bad(
                "an example is in picture \(example.picture), but there are \(pictures.count) pictures")
        }
        if classes != nil, vocabulary != nil {
            throw RequestFault.bad("classes and vocabulary are mutually exclusive")
        }
        if encoded != nil, !pictures.isEmpty {
            throw RequestFault.bad("encoded stands for a picture: send no other")
        }
    }

    /// Checks the number and length of names.
    static func check(_ classes: [Vocabulary.Class], _ options: ServerOptions) throws {
        let names = classes.flatMap { [$0.name] + $0.synonyms }
        guard names.count <= options.classLimit else {
            throw RequestFault(413, "\(names.count) classes exceed the limit of \(options.classLimit)")
        }
        for name in names where name.count > options.nameLimit {
            throw RequestFault.bad(
                "the name '\(name.prefix(20))...' exceeds the limit of \(options.nameLimit) characters")
        }
    }
}
