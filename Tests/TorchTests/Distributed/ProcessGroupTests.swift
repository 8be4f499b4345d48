import Foundation
import Support
import Testing
import Torch
import TorchFixtures

/// Groups whose processes are threads here; `TrainingTests` has real ones.
@Suite struct ProcessGroupTests {
    private func group(_ rank: Int, _ count: Int, _ port: Int, seconds: Int = 30) throws -> ProcessGroup {
        try ProcessGroup(rank: rank, count: count, host: "127.0.0.1", port: port, limit: .seconds(seconds))
    }

    @Test func threeProcesses() throws {
        let port = Together.freePort()
        let results = Together.run(3) { rank -> [[Double]] in
            let group = try self.group(rank, 3, port)
            func reduced(_ tensor: Tensor, _ reduction: ProcessGroup.Reduction = .sum) throws -> [Double] {
                try group.allReduce(tensor, reduction).wait()
                return try tensor.to(.float64).array(of: Double.self)
            }
            let own = try Tensor([Double(rank), 10]).to(.float32)
            var found = [
                try reduced(own.clone()), try reduced(own.clone(), .maximum),
                try reduced(own.clone(), .minimum),
                try reduced(own.to(.bfloat16)), try reduced(own.to(.int64)), try reduced(own.to(.float64)),
            ]
            // Two at once, waited for in the other order.
            let (one, two) = (try own.clone(), try own * 2)
            let works = try [group.allReduce(one), group.allReduce(two)]
            try works[1].wait()
            try works[0].wait()
            found += [try one.array(of: Double.self), try two.array(of: Double.self)]
            let sent = try own.clone()
            try group.broadcast(sent, from: 2).wait()
            found.append(try sent.array(of: Double.self))
            found += try group.gathered(own).map { try $0.array(of: Double.self) }
            try group.barrier()
            return found
        }
        for result in results {
            #expect(
                try result.get() == [
                    [3, 30], [2, 10], [0, 10], [3, 30], [3, 30], [3, 30], [3, 30], [6, 60], [2, 10], [0, 10],
                    [1, 10],
                    [2, 10],
                ])
        }
    }

    private func error<Value>(_ result: Result<Value, any Error>) -> ProcessGroupError? {
        guard case .failure(let error) = result else { return nil }
        return error as? ProcessGroupError
    }

    /// Who does not come is named.
    @Test func missingProcessesAreNamed() throws {
        let port = Together.freePort()
        let results = Together.run(2) { _ = try self.group($0, 4, port, seconds: 2) }
        let first = try #require(error(results[0]))
        #expect(first.missing == [2, 3])
        #expect(first.description == "process 0 of 4: processes 2, 3 did not come within 2 s")
        let lonely = Together.run(1) { _ in _ = try self.group(1, 2, Together.freePort(), seconds: 1) }
        #expect(error(lonely[0])?.missing == [0])
        #expect(error(lonely[0])?.reason.contains("process 0 could not be reached at 127.0.0.1") == true)
    }

    /// One that ends says why, and one that is gone is found by its pulse.
    @Test(arguments: [true, false]) func endsAreNamed(_ saysWhy: Bool) throws {
        let port = Together.freePort()
        let results = Together.run(3) { rank in
            let group = try self.group(rank, 3, port)
            try group.barrier()
            guard rank != 1 else {
                if saysWhy { group.leave("step 7: the loss is not finite") }
                return
            }
            try group.allReduce(Tensor.ones([4])).wait()
        }
        for rank in [0, 2] {
            let failure = try #require(error(results[rank]))
            #expect(failure.missing == [1])
            #expect(
                failure.reason.contains(
                    saysWhy
                        ? "process 1 has ended: step 7: the loss is not finite"
                        : "process 1 cannot be reached"),
                "\(failure)")
        }
    }

    /// A process that lives and does not join.
    @Test func timeLimit() throws {
        let port = Together.freePort()
        let results = Together.run(2) { rank in
            let group = try self.group(rank, 2, port, seconds: 2)
            guard rank == 0 else { return Thread.sleep(forTimeInterval: 7) }
            try group.allReduce(Tensor.ones([4])).wait()
        }
        #expect(
            error(results[0])?.reason.contains("the others are alive, but did not join within 2 s") == true)
    }

    @Test func meetingPlaces() throws {
        func meeting(_ environment: [String: String]) throws -> ProcessGroup.Meeting? {
            try ProcessGroup.Meeting(environment: environment)
        }
        #expect(try meeting([:]) == nil)
        #expect(try meeting(["RANK": "0", "WORLD_SIZE": "1"]) == nil)
        let torch = try meeting([
            "RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "head", "MASTER_PORT": "1234",
        ])
        #expect(
            torch?.note
                == "process 1 of 2, from 0 (RANK and WORLD_SIZE); all meet at head, port 1234 (MASTER_ADDR)")
        let slurm = ["SLURM_PROCID": "1", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "20007"]
        for (list, host) in [
            ("node[003-007,9],x1", "node003"), ("a,b[1-2]", "a"), ("single", "single"),
            ("n[7].site", "n7.site"),
        ] {
            let found = try meeting(slurm.merging(["SLURM_NODELIST": list]) { $1 })
            #expect(found?.host == host && found?.port == 15_007)
        }
        let mpi = [
            "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        ]
        #expect(try meeting(mpi)?.host == "127.0.0.1")
        #expect(try meeting(mpi)?.port == ProcessGroup.Meeting.defaultPort)
        #expect(throws: ConfigurationError.self) {
            try meeting(mpi.merging(["OMPI_COMM_WORLD_LOCAL_SIZE": "1"]) { $1 })
        }
        #expect(throws: ConfigurationError.self) {
            try meeting(["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "0"])
        }
    }
}
