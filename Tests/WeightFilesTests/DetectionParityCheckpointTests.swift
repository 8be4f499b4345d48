import FixtureSupport
import Testing
import WeightFiles

/// Pickles in the form of detectron2's model zoo, as recorded with numpy.
@Suite struct DetectionParityCheckpoint {
    struct File: CustomTestStringConvertible {
        let fixture: FixtureCase
        let name: String

        var testDescription: String { "\(fixture.name)/\(name)" }
    }

    static func files() throws -> [File] {
        try Fixtures.names("detection").filter { $0.hasPrefix("checkpoint") }.flatMap { name in
            let fixture = try Fixtures.case("detection", name)
            return try fixture.parameters["files"].strings.map { File(fixture: fixture, name: $0) }
        }
    }

    @Test(arguments: try files()) func arraysAreAsRecorded(file: File) throws {
        let source = try NumpyPickle(contentsOf: file.fixture.path(file.name))
        let expected = try file.fixture.expected[file.name]
        #expect(source.author == (try expected["author"].string))
        #expect(source.usesMatchingHeuristics == (try expected["matching_heuristics"].bool))
        let arrays = try expected["arrays"].object
        #expect(source.keys.sorted() == arrays.keys.sorted())
        for (name, array) in arrays {
            let tensor = try source.tensor(named: name)
            #expect(tensor.shape == (try array["shape"].ints), "\(name)")
            #expect(tensor.dtype.rawValue == (try array["dtype"].string), "\(name)")
            let values = tensor.doubles()
            let sum = try array["sum"].double
            let magnitude = try array["abs_sum"].double
            // The recorded sums were taken in another order.
            #expect(abs(values.reduce(0, +) - sum) <= 1e-10 * magnitude, "\(name)")
            #expect(abs(values.reduce(0) { $0 + abs($1) } - magnitude) <= 1e-10 * magnitude, "\(name)")
        }
        for key in file.fixture.keys(startingWith: "out.array.") {
            let name = String(key.dropFirst("out.array.".count))
            guard arrays[name] != nil else { continue }
            let tensor = try source.tensor(named: name)
            if let difference = try file.fixture.difference(key, tensor.floats(), shape: tensor.shape) {
                Issue.record("\(file.name): \(difference)")
            }
        }
    }
}
