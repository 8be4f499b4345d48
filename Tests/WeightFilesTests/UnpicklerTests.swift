import Foundation
import Testing

@testable import WeightFiles

@Suite struct UnpicklerTests {
    /// The value of a pickle.
    func value(_ pickle: [UInt8]) throws -> PickleValue {
        var unpickler = try Unpickler(bytes: TensorStorage(pickle), fileSize: pickle.count, origin: "f.pkl")
        let id = try unpickler.run()
        let graph = try PickleGraph(unpickler) { _, _, _ in
            throw WeightFileError(file: "f.pkl", reason: "no storages here")
        }
        return PickleValue(graph: graph, id: id)
    }

    func assembled(_ body: (inout PickleAssembler) -> Void) throws -> PickleValue {
        try value(PickleAssembler.pickle(body))
    }

    /// Expects that the pickle is refused with a message that has all of `words`.
    func expectRefusal(
        _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (inout PickleAssembler) -> Void
    ) throws {
        let error = try #require(throws: WeightFileError.self, sourceLocation: sourceLocation) {
            try FlattenedTensors(root: try assembled(body))
        }
        for word in words {
            #expect("\(error)".contains(word), "\(error)", sourceLocation: sourceLocation)
        }
    }

    @Test func numbersOfEveryKind() throws {
        let list = try assembled {
            $0.op(.mark)
            $0.op(.binaryInteger1)
            $0.raw(200)
            $0.op(.binaryInteger2)
            $0.raw(0x34, 0x12)
            $0.op(.binaryInteger)
            $0.raw(0xFE, 0xFF, 0xFF, 0xFF)
            $0.op(.long1)
            $0.raw(0)
            $0.op(.long1)
            $0.raw(2, 0x00, 0x80)
            $0.op(.long4)
            $0.raw(3, 0, 0, 0, 0xFF, 0xFF, 0x7F)
            $0.integer(.min)
            $0.op(.list)
        }
        #expect(
            list.content.elements?.map(\.integer) == [200, 0x1234, -2, 0, -32768, 0x7FFFFF, .min])
        let real = try assembled {
            $0.op(.binaryFloat)
            $0.raw(0xC0, 0x04, 0, 0, 0, 0, 0, 0)
        }
        #expect(real.real == -2.5)
    }

    @Test func stackInstructionsFollowCPython() throws {
        let list = try assembled {
            $0.integer(1)
            $0.op(.pop)
            $0.integer(2)
            $0.op(.duplicate, .mark)
            $0.integer(3)
            $0.op(.popMark, .tuple2, .mark, .pop)
        }
        #expect(list.content.elements?.map(\.integer) == [2, 2])
        let dictionary = try assembled {
            $0.op(.mark)
            $0.text("a")
            $0.integer(1)
            $0.op(.dictionary)
            $0.text("b")
            $0.op(.emptySet, .mark)
            $0.integer(5)
            $0.op(.addItems, .setItem)
        }
        #expect(dictionary["a"]?.integer == 1)
        #expect(dictionary["b"]?.content.elements?.map(\.integer) == [5])
    }

    @Test(arguments: [
        ("os", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("torch", "load"),
        ("torch._utils", "x"),
        ("numpy", "load"), ("subprocess", "Popen"), ("posix", "system"), ("collections", "namedtuple"),
        ("torch.nn.modules.linear", "Linear"), ("__main__", "Config"),
    ])
    func constructorsOutsideOfTheListAreRefusedByName(module: String, name: String) throws {
        try expectRefusal("f.pkl: byte ", "\"\(module).\(name)\"", "not on the list") {
            $0.global(module, name)
            $0.text("echo")
            $0.op(.tuple1, .reduce)
        }
        try expectRefusal("\"\(module).\(name)\"") {
            $0.text(module)
            $0.text(name)
            $0.op(.stackGlobal)
        }
    }

    @Test func classesOfTorchScriptAreRefusedElsewhere() throws {
        try expectRefusal("__torch__.Model", "TorchScript") { $0.global("__torch__", "Model") }
    }

    @Test func whatRunsCodeElsewhereIsRefused() throws {
        try expectRefusal("not a constructor") {
            $0.text("f")
            $0.op(.emptyTuple, .reduce)
        }
        try expectRefusal("may only be named") {
            $0.global("torch", "FloatStorage")
            $0.op(.emptyTuple, .reduce)
        }
        try expectRefusal("not a TorchScript class") {
            $0.global("collections", "OrderedDict")
            $0.op(.emptyTuple, .newObject)
        }
        try expectRefusal("state of a value") {
            $0.op(.emptyList, .emptyDictionary, .build)
        }
        try expectRefusal("extension registry") { $0.raw(0x82, 1) }
        try expectRefusal("keyword arguments") { $0.raw(0x92) }
        try expectRefusal("protocol 0 or 1") { $0.raw(UInt8(ascii: "i")) }
        try expectRefusal("unknown pickle instruction 255") { $0.raw(0xFF) }
        try expectRefusal("out-of-band") { $0.op(.nextBuffer) }
        try expectRefusal("external object that is not a tensor storage") {
            $0.text("key")
            $0.op(.binaryPersistentID)
        }
    }

    @Test func lengthsAreHeldAgainstTheFile() throws {
        let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
        for opcode in [PickleOpcode.binaryBytes8, .binaryUnicode8, .byteArray8, .frame] {
            try expectRefusal("9223372036854775807 bytes") {
                $0.op(opcode)
                $0.bytes += huge
            }
        }
        for opcode in [PickleOpcode.binaryBytes8, .binaryUnicode8, .byteArray8] {
            try expectRefusal("18446744073709551615 bytes") {
                $0.op(opcode)
                $0.bytes += [UInt8](repeating: 0xFF, count: 8)
            }
        }
        for opcode in [PickleOpcode.long4, .binaryString] {
            try expectRefusal("claims -1 bytes") {
                $0.op(opcode)
                $0.raw(0xFF, 0xFF, 0xFF, 0xFF)
            }
        }
        try expectRefusal("claims 255 bytes") {
            $0.op(.shortBinaryUnicode)
            $0.raw(255)
        }
    }

    @Test func brokenProgramsAreRefused() throws {
        try expectRefusal("empty stack") { $0.op(.pop) }
        try expectRefusal("empty stack") { $0.op(.emptyList, .mark, .append) }
        try expectRefusal("lacks a mark") { $0.op(.tuple) }
        try expectRefusal("has not saved") { $0.get(7) }
        try expectRefusal("extra values") { $0.op(.emptyList, .emptyList) }
        try expectRefusal("key without value") { $0.op(.mark, .none, .dictionary) }
        try expectRefusal("not a list") { $0.op(.emptyTuple, .none, .append) }
        try expectRefusal("not a dictionary") { $0.op(.emptyList, .none, .none, .setItem) }
        #expect(throws: WeightFileError.self) { try value([]) }
        #expect(throws: WeightFileError.self) { try value([0x80, 1, 0x4E, 0x2E]) }
        #expect(throws: WeightFileError.self) { try value([0x80, 6, 0x4E, 0x2E]) }
    }

    @Test func nestedListsNeitherOverflowNorHang() throws {
        let depth = 100_000
        let nested = try value(
            [0x80, 2] + [UInt8](repeating: PickleOpcode.emptyList.rawValue, count: depth)
                + [UInt8](repeating: PickleOpcode.append.rawValue, count: depth - 1) + [0x2E])
        #expect(throws: WeightFileError.self) { try FlattenedTensors(root: nested) }
        // Each list is saved and put twice into the next: two to the power of 60 ways through it.
        try expectRefusal("need more memory") {
            $0.array("f4", shape: [0], data: [])
            $0.put(0)
            for level in 1..<60 {
                $0.op(.pop, .emptyList, .mark)
                $0.get(UInt8(level - 1))
                $0.get(UInt8(level - 1))
                $0.op(.appends)
                $0.put(UInt8(level))
            }
        }
    }

    @Test func aListThatHoldsItselfIsRefusedWhereNamesAreMade() throws {
        let list = try assembled {
            $0.op(.emptyList)
            $0.put(0)
            $0.get(0)
            $0.op(.append)
        }
        #expect(list.content.elements?.count == 1)
        #expect(throws: WeightFileError.self) { try FlattenedTensors(root: list) }
    }

    @Test func memoryIsBoundedByTheFile() throws {
        // Each instruction of four bytes asks for a copy of a list of 100,000.
        try expectRefusal("memory") {
            $0.op(.mark)
            $0.bytes += [UInt8](repeating: PickleOpcode.none.rawValue, count: 100_000)
            $0.op(.list, .tuple1)
            $0.put(0)
            $0.global("builtins", "list")
            $0.put(1)
            for _ in 0..<100_000 {
                $0.get(1)
                $0.get(0)
                $0.op(.reduce)
            }
        }
    }

    @Test func textAndBytesAreDecodedOnce() throws {
        let list = try assembled {
            $0.global("_codecs", "encode")
            $0.put(0)
            $0.text("aé\u{0}ÿ")
            $0.text("latin1")
            $0.op(.tuple2)
            $0.put(1)
            $0.op(.reduce)
            $0.get(0)
            $0.get(1)
            $0.op(.reduce, .tuple2)
        }
        let parts = try #require(list.content.elements)
        #expect(parts.map(\.content.bytes) == [[0x61, 0xE9, 0, 0xFF], [0x61, 0xE9, 0, 0xFF]])
        #expect(parts[0].id == parts[1].id)
        for (text, encoding) in [("中", "latin1"), ("a", "utf-8"), ("a", "rot13")] {
            try expectRefusal("latin1") {
                $0.global("_codecs", "encode")
                $0.text(text)
                $0.text(encoding)
                $0.op(.tuple2, .reduce)
            }
        }
    }

    @Test func arraysMustFitTheirBytes() throws {
        let fine = try assembled { $0.array("i2", order: ">", shape: [2], data: [1, 2, 0xFF, 0xFE]) }
        #expect(try fine.tensor?.integers() == [0x102, -2])
        try expectRefusal("needs 8 bytes but has 4") { $0.array("f4", shape: [2], data: [0, 0, 0, 0]) }
        try expectRefusal("impossible shape") { $0.array("f4", shape: [-1], data: []) }
        try expectRefusal("impossible shape") {
            $0.array("f4", shape: [1 << 40, 1 << 40], data: [])
        }
        try expectRefusal("65 dimensions") {
            $0.array("f4", shape: [Int](repeating: 1, count: 65), data: [0, 0, 0, 0])
        }
        try expectRefusal("tensor's state") {
            $0.array("f4", shape: [0], data: [])
            $0.op(.emptyTuple, .build)
        }
        try expectRefusal("two tensors have this name") {
            $0.op(.emptyDictionary)
            for key in ["a", "a"] {
                $0.text(key)
                $0.array("f4", shape: [0], data: [])
                $0.op(.setItem)
            }
        }
        try expectRefusal("neither text nor") {
            $0.op(.emptyDictionary, .none)
            $0.array("f4", shape: [0], data: [])
            $0.op(.setItem)
        }
        let unsupported = try assembled { $0.array("u4", shape: [1], data: [0, 0, 0, 0]) }
        #expect(unsupported.tensor == nil)
        if case .other(let what) = unsupported.content {
            #expect(what.contains("type u4 is not supported"))
        } else {
            Issue.record("an array of an unsupported type was kept as something else")
        }
    }
}
