import COCO
import Foundation
import Support

/// The report of `fvlm check-dataset`.
struct CheckReport {
    let file: String
    let against: String?
    let imageCount: Int
    let annotationCount: Int
    let categoryCount: Int
    let findings: [DatasetFinding]

    /// The number of kinds of errors.
    var errorCount: Int { count(.error) }

    private func count(_ severity: DatasetFinding.Severity) -> Int {
        findings.count { $0.severity == severity }
    }

    /// The report as text.
    var text: String {
        var lines = [
            "\(file): \(imageCount) images, \(annotationCount) annotations, \(categoryCount) categories"
        ]
        for finding in findings {
            let summary = finding.code.summary
            lines.append("")
            lines.append(
                "\(finding.severity.rawValue) \(finding.code.rawValue) (\(finding.count)): "
                    + summary.prefix(1).uppercased() + summary.dropFirst() + ".")
            lines += finding.examples.map { "  - \($0)" }
            if finding.count > finding.examples.count, !finding.examples.isEmpty {
                lines.append("  - ... and \(finding.count - finding.examples.count) more")
            }
            lines.append("  \(finding.code.advice)")
        }
        lines.append("")
        lines.append(
            findings.isEmpty
                ? "Nothing found."
                : "Kinds of findings: \(count(.error)) errors, \(count(.warning)) warnings, \(count(.note)) notes"
        )
        return lines.joined(separator: "\n")
    }

    private struct Output: Encodable {
        let file: String
        let against: String?
        let images: Int
        let annotations: Int
        let categories: Int
        let errors: Int
        let warnings: Int
        let notes: Int
        let findings: [Finding]
    }

    private struct Finding: Encodable {
        let code: String
        let severity: String
        let subject: String
        let count: Int
        let ids: [Int64]
        let examples: [String]
        let summary: String
        let advice: String
    }

    /// One JSON object on one line, with sorted keys.
    func json() throws -> String {
        let output = Output(
            file: file, against: against, images: imageCount, annotations: annotationCount,
            categories: categoryCount, errors: count(.error), warnings: count(.warning), notes: count(.note),
            findings: findings.map {
                Finding(
                    code: $0.code.rawValue, severity: $0.severity.rawValue, subject: $0.subject.rawValue,
                    count: $0.count, ids: $0.ids, examples: $0.examples, summary: $0.code.summary,
                    advice: $0.code.advice)
            })
        return try JSONText.line(output)
    }
}
