import FVLM
import FVLMCommand
import Foundation
import Support

/// The time and memory of each stage as a table.
enum ProfileTable {
    /// Prints the table on standard error.
    static func print(_ profile: StageProfile, pictures: Int, unit: String = "picture") {
        StandardError.write(text(profile, pictures: pictures, unit: unit))
    }

    /// The table, with a column of the device's memory where that is counted.
    static func text(_ profile: StageProfile, pictures: Int, unit: String = "picture") -> String {
        let deviceBytes = profile.deviceBytes
        var rows = [["stage", "ms per \(unit)", "share", "MB held"]]
        func megabytes(_ bytes: Int) -> String { bytes > 0 ? "\(bytes >> 20)" : "-" }
        let stages = profile.stages
        let total = stages.reduce(0) { $0 + $1.seconds }
        for (stage, seconds, bytes) in stages {
            rows.append([
                stage.rawValue, NumberText.decimals(seconds * 1000 / Double(pictures), 1),
                NumberText.decimals(100 * seconds / max(total, 1e-9), 0) + " %", megabytes(bytes),
            ])
        }
        rows.append([
            "all", NumberText.decimals(total * 1000 / Double(pictures), 1), "",
            megabytes(ProcessMemory.peakBytes ?? 0) + " peak",
        ])
        if let most = deviceBytes.values.max() {
            let own = stages.map { megabytes(deviceBytes[$0.stage] ?? 0) } + [megabytes(most)]
            for (row, cell) in zip(rows.indices, ["MB on the device, peak"] + own) { rows[row].append(cell) }
        }
        return TextTable(rows, leftAligned: 1).text
    }
}
