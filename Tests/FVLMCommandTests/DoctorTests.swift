import FixtureSupport
import Testing

/// `fvlm doctor` is there in every build, and says what the build lacks.
@Suite struct DoctorTests {
    @Test func everyBuildHasADoctor() throws {
        let run = try Program(["doctor"])
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        for row in ["libtorch", "threads", "libvips", "pictures, PNG written and read"] {
            #expect(run.output.contains(row), "\(row)")
        }
    }
}
