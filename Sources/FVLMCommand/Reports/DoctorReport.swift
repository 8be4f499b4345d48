import Foundation
import Support

/// The report of `fvlm doctor`: versions, devices, formats, and small self-tests. Parts that the build lacks are nil.
package struct DoctorReport: Encodable {
    package var libtorch: String?
    package var vectorInstructions: String?
    package var threads = ProcessInfo.processInfo.activeProcessorCount

    /// The number of devices of each kind.
    package var devices: [String: Int] = [:]

    /// The kinds of devices that libtorch has code for.
    package var backends: [String] = []

    /// The versions of drivers, by kind of device.
    package var drivers: [String: String] = [:]

    /// Why a kind of device cannot be used.
    package var deviceFaults: [String: String] = [:]
    package var libvips: String?

    /// Which picture formats can be read.
    package var pictureFormats: [String: Bool] = [:]

    /// Small computations, and whether their results are correct.
    package var trials: [String: Bool] = [:]

    package init() {}

    /// Whether all trials succeeded.
    package var isHealthy: Bool { !trials.values.contains(false) }

    /// The report as text.
    package var text: String {
        var rows = [["libtorch", libtorch ?? "not in this build"]]
        if let vectorInstructions { rows.append(["vector instructions", vectorInstructions]) }
        rows.append(["threads", "\(threads)"])
        rows += devices.sorted { $0.key < $1.key }.map { kind, count in
            let built = backends.contains(kind)
            let state = deviceFaults[kind] ?? (count == 1 ? "1 device" : "\(count) devices")
            return [kind, built ? state : "not built in: \(state)"]
        }
        rows += drivers.sorted { $0.key < $1.key }.map { ["\($0.key) driver", $0.value] }
        if let libvips { rows.append(["libvips", libvips]) }
        rows += pictureFormats.sorted { $0.key < $1.key }.map {
            ["pictures: \($0.key)", $0.value ? "readable" : "NOT READABLE with this libvips"]
        }
        rows += trials.sorted { $0.key < $1.key }.map {
            [$0.key, $0.value ? "works" : "GIVES WRONG RESULTS"]
        }
        return TextTable(rows, leftAligned: 2).text
    }

    /// The report as JSON.
    package func json() throws -> String { try JSONText.document(self) + "\n" }
}
