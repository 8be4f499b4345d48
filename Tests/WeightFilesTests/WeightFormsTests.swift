import FixtureSupport
import Foundation
import Testing

@testable import WeightFiles

/// Files that torch, numpy and safetensors wrote, against what those libraries say is in them.
@Suite struct WeightFormsTests {
    struct Form: CustomTestStringConvertible {
        let fixture: FixtureCase
        let file: String
        let expected: JSONValue

        var testDescription: String { "\(fixture.name)/\(file)" }
    }

    static func forms() throws -> [Form] {
        let fixture = try RecordedForms.fixture()
        return try fixture.expected["files"].object.sorted { $0.key < $1.key }
            .map { Form(fixture: fixture, file: $0.key, expected: $0.value) }
    }

    @Test(arguments: try forms()) func tensorsAreAsRecorded(form: Form) throws {
        let source = try WeightFile.open(form.fixture.path(form.file))
        let entries = try form.expected["tensors"].array
        let unsupported = try form.expected.optional("unsupported")?.strings ?? []
        let names = try entries.map { try $0["name"].string }
        if form.expected.optional("sorted") != nil {
            #expect(source.keys.sorted() == names.sorted())
        } else {
            #expect(source.keys.filter { !unsupported.contains($0) } == names)
        }
        var addresses: [Int: UnsafeMutableRawPointer] = [:]
        for entry in entries {
            let name = try entry["name"].string
            let tensor = try source.tensor(named: name)
            #expect(tensor.name == name)
            #expect(tensor.dtype.rawValue == (try entry["dtype"].string), "\(name)")
            #expect(tensor.shape == (try entry["shape"].ints), "\(name)")
            if let strides = try entry.optional("strides")?.ints {
                #expect(tensor.strides == strides, "\(name)")
            }
            if let memory = try entry.optional("memory")?.int, tensor.count > 0 {
                #expect(addresses[memory] ?? tensor.storage.pointer == tensor.storage.pointer, "\(name)")
                addresses[memory] = tensor.storage.pointer
            }
            let recorded = try form.fixture.tensor("\(form.file)/\(name)")
            #expect(tensor.bytes() == recorded.bytes(), "\(name)")
        }
        #expect(Set(addresses.values).count == addresses.count)
        for name in unsupported {
            let error = try #require(throws: WeightFileError.self) { try source.tensor(named: name) }
            #expect("\(error)".contains("'\(name)'") && "\(error)".contains("not supported"))
        }
        #expect(throws: WeightFileError.self) { try source.tensor(named: "no such tensor") }
        if let source = source as? NumpyPickle {
            #expect(source.author == (try form.expected.optional("author")?.string))
            #expect(
                source.usesMatchingHeuristics
                    == (try form.expected.optional("matching_heuristics")?.bool ?? false))
        }
    }

    @Test func aCheckpointKeepsWhatIsNotATensor() throws {
        let fixture = try RecordedForms.fixture()
        let root = try PyTorchArchive(contentsOf: fixture.path("checkpoint.pth")).root
        #expect(root["epoch"]?.integer == 12)
        #expect(root["best"]?.real == 0.125)
        #expect(root["name"]?.string == "é中")
        #expect(root["done"]?.boolean == true)
        #expect(root["scheduler"]?["big"]?.integer == 1 << 40)
        #expect(root["scheduler"]?["negative"]?.integer == -5)
        #expect(root["scheduler"]?["base_lrs"]?.content.elements?.first?.real == 0.25)
        #expect(root["optimizer"]?["param_groups"]?.content.elements?[0]["lr"]?.real == 0.25)
        #expect(root["size"]?.content.elements?.map(\.integer) == [2, 3])
        #expect(root["raw"]?.content.bytes == [0, 0xFF])
        #expect(root["model"]?.items?.first?.key.string == "0.weight")
        #expect(root["model"]?["0.weight"]?.tensor?.shape == [2, 3])
        if case .none? = root["nothing"]?.content {} else { Issue.record("None was not kept") }
        if case .other(let what)? = root["scheduler"]?["huge"]?.content {
            #expect(what == "an integer of 13 bytes")
        } else {
            Issue.record("a number of 100 bits was not kept")
        }
        #expect(root["absent"] == nil && root["epoch"]?["absent"] == nil)
    }

    @Test func aTorchScriptModuleKeepsItsAttributes() throws {
        let fixture = try RecordedForms.fixture()
        let root = try TorchScriptArchive(contentsOf: fixture.path("script.pt")).root
        guard case .object(let name, let state) = root.content else {
            Issue.record("no object")
            return
        }
        #expect(name.hasPrefix("__torch__.") && name.hasSuffix("Model"))
        #expect(state?["note"]?.string == "text")
        #expect(root["sizes"]?.content.elements?.map(\.integer) == [1, 2])
        #expect(root["training"]?.boolean == true)
        #expect(throws: WeightFileError.self) { try PyTorchArchive(contentsOf: fixture.path("script.pt")) }
        #expect(throws: WeightFileError.self) {
            try TorchScriptArchive(contentsOf: fixture.path("state_dict.pt"))
        }
    }

    @Test func storedTensorsAreNotCopied() throws {
        let fixture = try RecordedForms.fixture()
        let storage = try TensorStorage.mapping(file: fixture.path("views.pt"))
        let archive = try PyTorchArchive(storage: storage, origin: "views.pt")
        let file = storage.pointer..<storage.pointer + storage.byteCount
        for tensor in try archive.tensors() where tensor.count > 0 {
            #expect(file.contains(tensor.pointer) && tensor.isAligned, "\(tensor)")
        }
        let pickle = try TensorStorage.mapping(file: fixture.path("protocol3.pkl"))
        let arrays = try NumpyPickle(storage: pickle, origin: "protocol3.pkl")
        let bytes = pickle.pointer..<pickle.pointer + pickle.byteCount
        for tensor in try arrays.tensors() where tensor.count > 0 && !tensor.name.hasPrefix("big_endian") {
            #expect(bytes.contains(tensor.pointer), "\(tensor)")
        }
    }
}

extension PickleValue.Content {
    /// The elements of a list or tuple.
    var elements: [PickleValue]? {
        switch self {
        case .list(let values), .tuple(let values): values
        default: nil
        }
    }

    var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }
}
