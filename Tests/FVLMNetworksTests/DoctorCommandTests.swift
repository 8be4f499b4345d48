import FixtureSupport
import Imaging
import Testing
import WeightFiles

import FVLMCommand

@testable import FVLMNetworks

@Suite struct DoctorCommandTests {
    /// On a machine that passes the other tests everything works, and the versions are said.
    @Test func whatIsThereIsShown() throws {
        let run = try Program(["doctor"])
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        for row in ["libtorch", "vector instructions", "threads", "cuda", "gradients", "libvips"] {
            #expect(run.output.contains(row), "\(row)")
        }
        #expect(run.output.matches(of: /works/).count == 4)
        for format in ImageFormat.allCases {
            let line = try #require(
                run.output.split(separator: "\n").first { $0.contains("pictures: \(format.rawValue)") })
            #expect(
                line.hasSuffix(format.isReadable ? "readable" : "NOT READABLE with this libvips"), "\(line)")
        }
    }

    /// The same findings for programs; libvips' version is numbers with dots.
    @Test func findingsAsJSON() throws {
        let run = try Program(["doctor", "--json"])
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        let findings = try Array(run.output.utf8).withUnsafeBytes { try JSONValue(parsing: $0) }
        #expect(
            try Set(findings.object.map(\.key)) == [
                "libtorch", "vectorInstructions", "threads", "devices", "backends", "drivers",
                "deviceFaults", "libvips", "pictureFormats", "trials",
            ])
        // What is not there is named, and why.
        let backends = try findings["backends"].array.map { try $0.string }
        #expect(backends.contains("cpu"))
        for kind in ["cuda", "mps"] {
            let count = try findings["devices"][kind].int
            let fault = try findings["deviceFaults"].optional(kind)
            #expect((count == 0) == (fault != nil), "\(kind)")
            #expect(count == 0 || backends.contains(kind))
        }
        #expect(try findings["libvips"].string.wholeMatch(of: /\d+\.\d+\.\d+.*/) != nil)
        let formats = try findings["pictureFormats"]
        for format in ImageFormat.allCases {
            #expect(try formats[format.rawValue] == .boolean(format.isReadable), "\(format)")
        }
        let trials = try findings["trials"].object
        #expect(trials.count == 4)
        for (name, works) in trials { #expect(works == .boolean(true), "\(name)") }
    }
}
