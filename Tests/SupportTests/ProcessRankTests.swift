import Support
import Testing

@Suite struct ProcessRankTests {
    @Test(arguments: [
        ("a.tar", ["a.tar"]), ("{08..11}.tar", ["08.tar", "09.tar", "10.tar", "11.tar"]),
        ("{2..0}x", ["2x", "1x", "0x"]), ("{a,b}/{0..1}", ["a/0", "a/1", "b/0", "b/1"]), ("{}", ["{}"]),
        ("x{one}{1..2}", ["x{one}1", "x{one}2"]), ("{1..x}", ["{1..x}"]), ("{1..2", ["{1..2"]),
        ("{000..2}", ["000", "001", "002"]),
    ])
    func braces(_ text: String, _ names: [String]) throws { #expect(try BraceRange.expanded(text) == names) }

    @Test func tooManyNamesAreRefused() {
        #expect(throws: ConfigurationError.self) { try BraceRange.expanded("{0..9999999}") }
        #expect(throws: ConfigurationError.self) { try BraceRange.expanded("{0..9999}{0..9999}") }
    }

    /// torchrun's variables come before Slurm's, those before OpenMPI's.
    @Test func variables() throws {
        let open = [
            "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "0",
        ]
        let slurm = ["SLURM_PROCID": "2", "SLURM_NTASKS": "5"]
        let torch = ["RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"]
        func rank(_ environment: [String: String]...) throws -> ProcessRank? {
            try ProcessRank(environment: environment.reduce(into: [:]) { $0.merge($1) { $1 } })
        }
        #expect(try rank([:]) == nil)
        #expect(
            try rank(open)
                == ProcessRank(
                    rank: 1, count: 2, localRank: 0, origin: "OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE"))
        #expect(try rank(open, slurm)?.note == "process 2 of 5, from 0 (SLURM_PROCID and SLURM_NTASKS)")
        #expect(
            try rank(open, slurm, torch)
                == ProcessRank(rank: 3, count: 4, localRank: 1, origin: "RANK and WORLD_SIZE"))
        for wrong in [
            ["RANK": "4", "WORLD_SIZE": "4"], ["RANK": "-1", "WORLD_SIZE": "4"],
            ["RANK": "x", "WORLD_SIZE": "4"], ["RANK": "0", "WORLD_SIZE": "0"],
        ] {
            let error = #expect(throws: ConfigurationError.self) { try rank(wrong) }
            #expect(error?.reason.contains("is not the number of a process") == true)
        }
        let error = #expect(throws: ConfigurationError.self) { try rank(["RANK": "0"]) }
        #expect(
            error?.description == "RANK: is set in the environment, and WORLD_SIZE is not: set both, or none")
    }
}
