import COCO
import Foundation
import Support

/// Images that have something in common, to be measured apart.
///
/// A rule is one or more conditions joined by commas, all of which must hold: `width<640`, `height>=480`, `aspect<1` (width
/// over height), `objects>20` (annotations in the image), `folder=night` (the folder of the picture's name, or one that
/// it lies below), `tag=rain`.
public struct ImageSlice: Sendable, Hashable {
    /// The rule as it was given.
    public let rule: String

    fileprivate let conditions: [Condition]

    fileprivate enum Field: String, CaseIterable {
        case width, height, aspect, objects, folder, tag
        var isText: Bool { self == .folder || self == .tag }
    }

    fileprivate struct Condition: Sendable, Hashable {
        var field: Field
        var comparison: String
        var text: String
        var number: Double
    }

    /// Reads a rule.
    ///
    /// - Throws: `COCOError` for a rule that is not understood; it lists what is.
    public init(_ rule: String) throws {
        self.rule = rule
        conditions = try rule.split(separator: ",", omittingEmptySubsequences: false).map { part in
            let part = part.trimmingCharacters(in: .whitespaces)
            // Longer signs first.
            guard let sign = ["<=", ">=", "!=", "<", ">", "="].first(where: part.contains),
                let range = part.range(of: sign),
                let field = Field(
                    rawValue: part[..<range.lowerBound].trimmingCharacters(in: .whitespaces))
            else {
                throw Self.failure(rule, "'\(part)' is not a condition")
            }
            let text = part[range.upperBound...].trimmingCharacters(in: .whitespaces)
            let number = Double(text)
            if field.isText {
                guard sign == "=" || sign == "!=", !text.isEmpty else {
                    throw Self.failure(rule, "\(field.rawValue) is compared by = or != with a name")
                }
            } else if number == nil {
                throw Self.failure(rule, "'\(text)' is not a number")
            }
            return Condition(field: field, comparison: sign, text: text, number: number ?? 0)
        }
    }

    private static func failure(_ rule: String, _ reason: String) -> COCOError {
        COCOError(
            "\(reason); a slice is written width<640, height>=480, aspect<1, objects>20, folder=night or tag=rain, "
                + "several conditions with commas", subject: "slice '\(rule)'")
    }

    /// The ids of the images of a data set for which the rule holds, in the file's order.
    ///
    /// - Parameters:
    ///   - dataset: The data set.
    ///   - tags: The tags of images by id.
    /// - Throws: `COCOError` for a size that an image does not state.
    public func imageIDs(in dataset: Dataset, tags: [Int64: Set<String>] = [:]) throws -> [Int64] {
        var objects: [Int64: Int] = [:]
        if conditions.contains(where: { $0.field == .objects }) {
            for id in dataset.annotations.imageIDs { objects[id, default: 0] += 1 }
        }
        return try (0..<dataset.images.count).compactMap { row in
            let image = dataset.images[row]
            let holds = try conditions.allSatisfy { condition in
                switch condition.field {
                case .width: return try condition.holds(Double(size(image, image.width)))
                case .height: return try condition.holds(Double(size(image, image.height)))
                case .aspect:
                    return try condition.holds(
                        Double(size(image, image.width)) / Double(size(image, image.height)))
                case .objects: return condition.holds(Double(objects[image.id] ?? 0))
                case .folder:
                    let parts = image.path.split(separator: "/").dropLast()
                    let wanted = condition.text.split(separator: "/")
                    let isBelow =
                        !wanted.isEmpty && parts.indices.contains { parts[$0...].starts(with: wanted) }
                    return isBelow == (condition.comparison == "=")
                case .tag:
                    let isTagged = tags[image.id]?.contains(condition.text) ?? false
                    return isTagged == (condition.comparison == "=")
                }
            }
            return holds ? image.id : nil
        }
    }

    private func size(_ image: ImageRecord, _ value: Int) throws -> Int {
        guard value > 0 else {
            throw COCOError(
                "states no width and height, which the slice '\(rule)' asks for", subject: "image \(image.id)"
            )
        }
        return value
    }
}

extension ImageSlice.Condition {
    fileprivate func holds(_ value: Double) -> Bool {
        switch comparison {
        case "<": value < number
        case "<=": value <= number
        case ">": value > number
        case ">=": value >= number
        case "!=": value != number
        default: value == number
        }
    }
}
