import COCO
import Foundation
import Support

extension ScoreReport {
    private struct Output: Encodable {
        let type: String
        let `protocol`: String?
        let images: Int
        let stats: [Double]
        let statNames: [String]
        let perCategory: [PerCategory]
        let splits: [String: Split]?
        let intervals: [Interval]?
        let comparison: [Difference]?
        let omitted: Omitted
    }

    private struct Split: Encodable {
        let categories: Int
        let stats: [Double]
    }

    private struct PerCategory: Encodable {
        let id: Int64
        let name: String
        let frequency: String?
        let AP: Double
        let AP50: Double
        let AP75: Double
        let APs: Double
        let APm: Double
        let APl: Double
        let AR: Double
        let groundTruths: Int
        let detections: Int
    }

    private struct Interval: Encodable {
        let split: String
        let figure: String
        let value: Double?
        let low: Double?
        let high: Double?
    }

    private struct Difference: Encodable {
        let split: String
        let figure: String
        let first: Double?
        let second: Double?
        let low: Double?
        let high: Double?
        let pValue: Double?
    }

    private struct Omitted: Encodable {
        let detectionsWithoutCategory: Int
        let annotationsWithoutCategory: Int
        let annotationsWithoutImage: Int
    }

    /// One JSON object on one line, with sorted keys.
    package func json() throws -> String {
        // JSON has no NaN.
        func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
        let figures = evaluation.figures()
        let output = Output(
            type: evaluation.options.geometry.rawValue, protocol: protocolName,
            images: evaluation.imageCount,
            stats: figures.map(\.value),
            statNames: figures.map(\.name),
            perCategory: classFigures().map {
                PerCategory(
                    id: $0.category.id, name: $0.category.name, frequency: $0.category.frequency?.rawValue,
                    AP: $0.averagePrecision, AP50: $0.at50, AP75: $0.at75, APs: $0.small, APm: $0.medium,
                    APl: $0.large, AR: $0.recall, groundTruths: $0.objects, detections: $0.detections)
            },
            splits: hasSplits
                ? Dictionary(
                    uniqueKeysWithValues: parts.map {
                        (
                            $0.name,
                            Split(
                                categories: $0.classes.count,
                                stats: evaluation.figures(classes: $0.classes).map(\.value))
                        )
                    }) : nil,
            intervals: intervals.isEmpty
                ? nil
                : intervals.map {
                    Interval(
                        split: $0.part, figure: $0.figure, value: $0.value, low: finite($0.low),
                        high: finite($0.high))
                },
            comparison: comparedFile == nil
                ? nil
                : differences.map {
                    Difference(
                        split: $0.part, figure: $0.figure, first: $0.first, second: $0.second,
                        low: finite($0.low),
                        high: finite($0.high), pValue: finite($0.pValue))
                },
            omitted: Omitted(
                detectionsWithoutCategory: evaluation.omissions.detectionsWithoutCategory,
                annotationsWithoutCategory: evaluation.omissions.annotationsWithoutCategory,
                annotationsWithoutImage: evaluation.omissions.annotationsWithoutImage))
        let keys = JSONEncoder.KeyEncodingStrategy.custom { path in
            // Figures keep their names; all other keys are in snake case.
            let key = path[path.count - 1].stringValue
            return PlainKey(key.hasPrefix("AP") || key == "AR" ? key : snakeCase(key))
        }
        return try JSONText.line(output, keys: keys)
    }

    private struct PlainKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ key: String) { stringValue = key }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

/// Converts `perCategory` to `per_category`.
private func snakeCase(_ key: String) -> String {
    key.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
}
