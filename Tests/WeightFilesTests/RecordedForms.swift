import FixtureSupport
import Foundation

/// The recorded weight files. They are of this checkout, whatever folder of cases the parity suites are given.
enum RecordedForms {
    static func fixture() throws -> FixtureCase {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try FixtureCase(folder: tests.appending(path: "Fixtures/weightfiles/forms"))
    }
}
