#if FVLM_TORCH
    import Testing

    @testable import FVLMCommand

    @Suite struct DoctorCommandTests {
        /// On a machine that passes the other tests everything works, and the versions are said.
        @Test func whatIsThereIsShown() throws {
            let run = try Program(["doctor"])
            #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
            for row in ["libtorch", "vector instructions", "threads", "cuda", "gradients"] {
                #expect(run.output.contains(row), "\(row)")
            }
            #expect(run.output.matches(of: /works/).count == 4)
        }
    }
#endif
