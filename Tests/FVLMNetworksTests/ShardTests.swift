import CLIP
import FixtureSupport
import Foundation
import Imaging
import Support
import Testing
import WeightFiles

import FVLMCommand

@testable import FVLMNetworks

/// Work shard by shard, as users type it: `--into`, `--shard`, `fvlm merge-results`.
@Suite struct ShardTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
    }

    /// Archives of pictures that differ; the names of the pictures are numbers.
    private func archives(_ count: Int, pictures: Int, damaging: Set<Int> = []) throws {
        for shard in 0..<count {
            var files: [(name: String, contents: [UInt8])] = []
            for number in shard * pictures..<(shard + 1) * pictures {
                var image = try Image(width: 48, height: 32 + number % 3, filledWith: .white)
                for x in 0..<20 {
                    image[x, number % 30] = Color(red: UInt8(number * 5 % 256), green: UInt8(x * 8), blue: 9)
                }
                try image.write(to: folder.file("picture.png"))
                let bytes = folder.bytes("picture.png")
                files.append(
                    ("\(1000 + number).png", damaging.contains(number) ? Array(bytes.prefix(40)) : bytes))
                files.append(("\(1000 + number).cls", Array("3".utf8)))
            }
            try folder.write(TestTar.archive(files), "data/00\(shard).tar")
        }
    }

    private var small: [String] {
        [
            "--model", folder.file("model"), "--classes", "dog, cat", "--score-threshold", "0", "--set",
            "input.size=64", "--set", "scoring.limit=3", "--threads", "1",
        ]
    }

    private func detect(_ what: String, _ more: [String]) -> [String] {
        ["detect", folder.file(what)] + small + more
    }

    private func record(_ name: String) throws -> ShardRecord {
        try ShardRecord(contentsOf: folder.file("\(name).done.json"))
    }

    /// The shares of three processes, joined, are what one process writes, as lines and as a COCO results file.
    @Test func sharesAreJoined() throws {
        try archives(4, pictures: 3)
        for (place, share) in ["0/3", "1/3", "2/3"].enumerated() {
            let run = try Program(
                detect("data/{000..003}.tar", ["--masks", "--into", folder.file("found"), "--shard", share]))
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.errors.contains("process \(place) of 3, from 0 (--shard \(share)), 4 shards"))
            #expect(run.output.contains("\(place == 0 ? 2 : 1) shards done"))
        }
        #expect(
            folder.namesOf("found") == (0..<4).flatMap { ["00\($0).done.json", "00\($0).jsonl"] })
        let done = try record("found/002")
        #expect(done.count == 3 && done.faults == 0 && done.place == 2 && done.of == 4 && done.objects == nil)
        #expect(done.identity["model"]?.isEmpty == false && done.seconds > 0)
        #expect(done.bytes == folder.bytes("found/002.jsonl").count)
        for (format, more) in [("json", [String]()), ("coco", ["--format", "coco"])] {
            let one = try Program(detect("data/{000..003}.tar", ["--masks", "--format", format]))
            #expect(one.status == 0, "\(one.errors)")
            let merged = try Program(
                ["merge-results", folder.file("found"), "--output", folder.file(format)] + more)
            #expect(
                merged.status == 0 && merged.output.contains("12 pictures, 36 objects of 4 shards"),
                "\(merged.errors)")
            #expect(String(decoding: folder.bytes(format), as: UTF8.self) == one.output)
            #expect(!one.output.isEmpty)
        }
    }

    /// Killed in the midst of a shard, the work goes on there; what was finished is not touched.
    @Test func killedProcessesAreContinued() throws {
        try archives(3, pictures: 8)
        let command = detect("data/{000..002}.tar", ["--into", folder.file("found")])
        let process = try Program.started(command)
        let growing = "found/001.work/results.jsonl"
        while process.isRunning, folder.bytes(growing).count(where: { $0 == 10 }) < 3 { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
        #expect(folder.namesOf("found").contains("000.done.json"))
        #expect(!folder.namesOf("found").contains("001.jsonl"))
        let missing = try Program(["merge-results", folder.file("found"), "--output", folder.file("all")])
        #expect(
            missing.status == 65 && missing.errors.contains("2 of 3 shards are missing: number 1, 2 from 0"))
        let partial = try Program([
            "merge-results", folder.file("found"), "--output", "-", "--allow-missing",
        ])
        #expect(partial.status == 0 && partial.output.split(separator: "\n").count == 8)

        let modified = try #require(FileStatus(folder.file("found/000.jsonl"))).modification
        let again = try Program(command)
        #expect(
            again.status == 0 && again.output.contains("2 shards done, with 16 pictures; 1 were finished"),
            "\(again.errors)")
        #expect(FileStatus(folder.file("found/000.jsonl"))?.modification == modified)
        #expect(!folder.namesOf("found").contains { $0.hasSuffix(".work") })
        #expect(
            try Program(["merge-results", folder.file("found"), "--output", folder.file("all")]).status == 0)
        let one = try Program(detect("data/{000..002}.tar", ["--json"]))
        #expect(String(decoding: folder.bytes("all"), as: UTF8.self) == one.output)
    }

    /// Pictures that cannot be used are counted, with status 0; an archive that cannot be read fails alone.
    @Test func faultsAreCounted() throws {
        try archives(3, pictures: 2, damaging: [3])
        try folder.write(folder.bytes("data/002.tar").prefix(700), "data/002.tar")
        let run = try Program(detect("data/{000..002}.tar", ["--into", folder.file("found")]))
        #expect(
            run.status == 1
                && run.output.contains("2 shards done, with 3 pictures; 0 were finished, 1 failed"))
        #expect(run.errors.contains("the shard 002 cannot be done") && run.errors.contains("is cut off"))
        let faulty = try record("found/001")
        #expect(faulty.count == 1 && faulty.faults == 1)
        #expect(faulty.unreadable.map(\.file) == [folder.file("data/001.tar/1003.png")])
        try archives(3, pictures: 2, damaging: [3])
        #expect(try Program(detect("data/{000..002}.tar", ["--into", folder.file("found")])).status == 0)
        let merged = try Program([
            "merge-results", folder.file("found"), "--output", folder.file("all"), "--json",
        ])
        #expect(
            merged.status == 0 && merged.output.contains("\"faults\":1")
                && merged.output.contains("\"pictures\":5"))
        #expect(merged.errors.contains("1003.png"))
    }

    /// Pictures outside of archives make shards of a size; Slurm's variables say the share; other work is refused.
    @Test func listsAndFolders() throws {
        try archives(1, pictures: 1)
        for number in 0..<5 { try folder.write(folder.bytes("picture.png"), "loose/\(number).png") }
        let list =
            (0..<5).map { folder.file("loose/\($0).png") + "\n" }.joined()
            + folder.file("data/{000..000}.tar")
        func run(_ rank: Int, _ more: [String] = []) throws -> Program {
            try Program(
                ["detect", "-"] + small + ["--into", folder.file("found"), "--shard-size", "2"] + more,
                input: list,
                environment: ["SLURM_PROCID": "\(rank)", "SLURM_NTASKS": "2"])
        }
        #expect(
            try run(0).errors.contains("process 0 of 2, from 0 (SLURM_PROCID and SLURM_NTASKS), 4 shards"))
        #expect(try run(1).status == 0)
        #expect(
            folder.namesOf("found").filter { $0.hasSuffix(".jsonl") } == [
                "000.jsonl", "pictures-000000.jsonl", "pictures-000001.jsonl", "pictures-000002.jsonl",
            ])
        #expect(try record("found/pictures-000002").count == 1)
        let other = try run(0, ["--set", "scoring.limit=2"])
        #expect(
            other.status == 65
                && other.errors.contains("a different choice of thresholds")
                && other.errors.contains("choose another folder"))
        let form = try run(0, ["--format", "coco"])
        #expect(form.status == 64 && form.errors.contains("fvlm merge-results --format coco"))
        let results = try run(0, ["--results", folder.file("x")])
        #expect(
            results.status == 64 && results.errors.contains("--results and --into are mutually exclusive"))
        let lonely = try Program(detect("loose", ["--shard", "0/2"]))
        #expect(lonely.status == 64 && lonely.errors.contains("add --into"))
        for wrong in ["2/2", "-1/2", "1", "0/0"] {
            #expect(
                try Program(detect("loose", ["--into", folder.file("f"), "--shard=\(wrong)"])).status == 64)
        }
    }

    /// Results that are not what their records say are refused, with what to do.
    @Test func mergingChecks() throws {
        try archives(2, pictures: 2)
        let merge = ["merge-results", folder.file("found"), "--output", folder.file("all")]
        let command = detect("data/{000..001}.tar", ["--into", folder.file("found")])
        try folder.write("", "found/notes.txt")
        #expect(try Program(merge).errors.contains("contains no record of a finished shard"))
        #expect(try Program(command).status == 0)
        let (lines, done) = (folder.bytes("found/001.jsonl"), folder.bytes("found/001.done.json"))
        func refused(_ text: String) throws {
            let run = try Program(merge)
            #expect(run.status == 65 && run.errors.contains(text), "\(run.errors)")
            #expect(!folder.names.contains("all"))
            try folder.write(lines, "found/001.jsonl")
            try folder.write(done, "found/001.done.json")
        }
        try folder.write(lines.dropLast(5), "found/001.jsonl")
        try refused("not as long as they were")
        // The same pictures again, under another shard's name.
        var record = try record("found/001")
        try folder.write(folder.bytes("found/000.jsonl"), "found/001.jsonl")
        record.bytes = folder.bytes("found/001.jsonl").count
        try record.write(in: folder.file("found"))
        try refused("1000.png is in the results of 000 and of 001")
        record = try self.record("found/001")
        record.identity["model"] = "other"
        try record.write(in: folder.file("found"))
        try refused("was made with a different model than that of 000")
        record = try self.record("found/001")
        record.place = 0
        try record.write(in: folder.file("found"))
        try refused("are the same part of the work")
        // A shard whose results are gone is made anew.
        try FileManager.default.removeItem(atPath: folder.file("found/001.jsonl"))
        let again = try Program(command)
        #expect(again.status == 0 && again.errors.contains("made anew"))
        #expect(folder.bytes("found/001.jsonl") == lines)
        #expect(try Program(merge).status == 0)
    }

    /// Embeddings and indexes of shards, joined, are those of one process.
    @Test func embeddingsAndIndexes() throws {
        try archives(2, pictures: 3)
        let clip = ["--model", SmallDetector.clip, "--threads", "1"]
        let archives = folder.file("data/{000..001}.tar")
        for command in [
            ["embed", "image", archives] + clip + ["--into", folder.file("parts")],
            ["merge-results", folder.file("parts"), "--output", folder.file("parts.safetensors")],
            ["embed", "image", archives] + clip + ["--output", folder.file("one.safetensors")],
        ] {
            let run = try Program(command)
            #expect(run.status == 0, "\(run.errors)")
        }
        let (parts, one) = try (
            Safetensors(contentsOf: folder.file("parts.safetensors")),
            Safetensors(contentsOf: folder.file("one.safetensors"))
        )
        #expect(parts.metadata == one.metadata)
        let (joined, whole) = try (parts.tensor(named: "embeddings"), one.tensor(named: "embeddings"))
        #expect(joined.shape == whole.shape && joined.shape[0] == 6)
        #expect(zip(joined.floats(), whole.floats()).allSatisfy { abs($0 - $1) < 1e-5 })

        let model = ["--model", folder.file("model"), "--set", "input.size=64", "--threads", "1"]
        for command in [
            ["index", archives] + model + ["--into", folder.file("indexes")],
            ["merge-results", folder.file("indexes"), "--output", folder.file("index")],
        ] {
            let run = try Program(command)
            #expect(run.status == 0, "\(run.errors)")
        }
        #expect(
            folder.namesOf("index") == ["index.json", "shard-000000.safetensors", "shard-000001.safetensors"])
        let again = try Program(["index", archives, "--output", folder.file("index")] + model)
        #expect(again.status == 0 && again.output.contains("6 pictures, 0 of them new"), "\(again.errors)")
        let search = try Program(
            ["search", folder.file("index"), "--words", "dog", "--top", "3", "--json"]
                + Array(model.dropFirst(2)))
        #expect(search.status == 0 && search.output.contains("data/00"), "\(search.errors)")
    }
}
