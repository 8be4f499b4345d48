import Foundation
import Support

/// What `fvlm doctor` finds: versions, devices, formats, and small trials. What a build lacks is nil.
package struct DoctorReport: Encodable {
    package var libtorch: String?
    package var vectorInstructions: String?
    package var threads = ProcessInfo.processInfo.activeProcessorCount

    /// How many there are of each kind.
    package var devices: [String: Int] = [:]
    package var libvips: String?

    /// Which formats are read.
    package var pictureFormats: [String: Bool] = [:]

    /// Small computations and whether their results are the known ones.
    package var trials: [String: Bool] = [:]

    package init() {}

    /// Whether all that was tried works.
    package var isHealthy: Bool { !trials.values.contains(false) }

    /// For people.
    package var text: String {
        var rows = [["libtorch", libtorch ?? "not in this build"]]
        if let vectorInstructions { rows.append(["vector instructions", vectorInstructions]) }
        rows.append(["threads", "\(threads)"])
        rows += devices.sorted { $0.key < $1.key }.map { [$0.key, "\($0.value) devices"] }
        if let libvips { rows.append(["libvips", libvips]) }
        rows += pictureFormats.sorted { $0.key < $1.key }.map {
            ["pictures: \($0.key)", $0.value ? "are read" : "NOT READ by this libvips"]
        }
        rows += trials.sorted { $0.key < $1.key }.map {
            [$0.key, $0.value ? "works" : "GIVES WRONG RESULTS"]
        }
        return TextTable(rows, leftAligned: 2).text
    }

    /// For programs.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}
