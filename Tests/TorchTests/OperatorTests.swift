import CTorch
import Testing
import Torch

/// The generic call: every kind of argument, every kind of result, every kind of failure.
@Suite struct OperatorTests {
    private func tensor() throws -> Tensor { try Tensor([[1, 2, 3], [4, 5, 6]] as [[Float]]) }

    // MARK: Arguments

    @Test func takesTensorsAndScalars() throws {
        let x = try tensor()
        #expect(try Operator("aten::add.Tensor")(x, x).array(of: Float.self) == [2, 4, 6, 8, 10, 12])
        // A scalar may be an integer, a real number or a truth value.
        #expect(try Operator("aten::add.Scalar")(x, 1).item(0, 0) == 2)
        #expect(try Operator("aten::add.Scalar")(x, 1.5).item(0, 0) == 2.5)
        #expect(try Operator("aten::add.Scalar")(x, true).item(0, 0) == 2)
    }

    @Test func takesOptionalTensors() throws {
        let x = try Tensor.ones([1, 2, 3, 3])
        let weight = try Tensor.ones([1, 2, 3, 3])
        let none: Tensor? = nil
        let bias: Tensor? = try Tensor([5] as [Float])
        #expect(try Operator("aten::conv2d")(x, weight, none).item() == 18)
        #expect(try Operator("aten::conv2d")(x, weight, bias).item() == 23)
    }

    @Test func takesListsOfTensorsAndOptionalTensors() throws {
        let x = try tensor()
        #expect(try Operator("aten::cat")([x, x], 1).shape == [2, 6])
        let indices: [Tensor?] = [nil, try Tensor([2, 0])]
        #expect(try Operator("aten::index.Tensor")(x, indices).array(of: Float.self) == [3, 1, 6, 4])
    }

    @Test func takesIntegersRealsTruthValuesAndTheirLists() throws {
        let x = try tensor()
        #expect(try Operator("aten::sum.dim_IntList")(x, [0], true).shape == [1, 3])
        #expect(try Operator("aten::permute")(x, [1, 0]).shape == [3, 2])
        let image = try Tensor.ones([1, 1, 2, 2])
        let factors: [Double]? = [2, 3]
        let size: [Int]? = nil
        #expect(try Operator("aten::upsample_nearest2d.vec")(image, size, factors).shape == [1, 1, 4, 6])
        // A list of truth values: which gradients a backward operator computes.
        let weight = try Tensor.ones([1, 1, 1, 1])
        let results = try Operator("aten::convolution_backward").results(
            image, image, weight, [1], [1, 1], [0, 0], [1, 1], false, [0, 0], 1, [false, true, true])
        #expect(results.count == 3)
    }

    @Test func takesStringsTypesDevicesFormatsAndGenerators() throws {
        let x = try tensor()
        #expect(try Operator("aten::gelu")(x, "tanh").shape == [2, 3])
        #expect(try Operator("aten::einsum")("ij,kj->ik", [x, x]).shape == [2, 2])
        let none: Int? = nil
        let zeros = try Operator("aten::zeros")([2], DType.int16, none, Device.cpu)
        #expect(try zeros.dtype == .int16)
        let image = try Tensor.ones([1, 2, 3, 4])
        #expect(
            try Operator("aten::contiguous")(image, MemoryFormat.channelsLast).isContiguous(.channelsLast))
        let first = try Operator("aten::randperm.generator")(20, Generator(seed: 4))
        let second = try Operator("aten::randperm.generator")(20, Generator(seed: 4))
        #expect(try first.isEqual(to: second))
    }

    @Test func leftOutArgumentsTakeTheSchemasDefaults() throws {
        #expect(
            try Operator("aten::conv2d")(Tensor.ones([1, 1, 3, 3]), Tensor.ones([1, 1, 2, 2])).shape == [
                1, 1, 2, 2,
            ])
        #expect(try Operator("aten::conv2d").schema.contains("Tensor? bias=None"))
    }

    // MARK: Results

    @Test func returnsSeveralTensors() throws {
        let results = try Operator("aten::topk").tensors(try tensor(), 2)
        #expect(results.map(\.shape) == [[2, 2], [2, 2]])
        #expect(try results[1].dtype == .int64)
    }

    @Test func returnsListsNumbersAndNothing() throws {
        let x = try tensor()
        #expect(try Operator("aten::split.Tensor").tensors(x, 2, 1).map(\.shape) == [[2, 2], [2, 1]])
        guard case .integer(let size)? = try Operator("aten::size.int").results(x, 1).first else {
            Issue.record("no integer")
            return
        }
        #expect(size == 3)
        guard case .boolean(let same)? = try Operator("aten::equal").results(x, x).first else {
            Issue.record("no truth value")
            return
        }
        #expect(same)
        let numbers = try Operator("aten::_local_scalar_dense").results(Tensor(scalar: 2.5))
        guard case .real(let number)? = numbers.first else {
            Issue.record("no number")
            return
        }
        #expect(number == 2.5)
        let parameter = try Tensor.ones([2])
        let none = try Operator("aten::_fused_sgd_").results(
            [parameter], [Tensor.ones([2])], [Tensor](), 0.0, 0.0, 0.5, 0.0, false, false, false)
        #expect(none.isEmpty)
        #expect(try parameter.array(of: Float.self) == [0.5, 0.5])
    }

    // MARK: Failures

    @Test func errorsNameOperatorArgumentsAndReasonInOneLine() throws {
        let x = try tensor()
        let error = try #require(throws: TorchError.self) { try x.matmul(x) }
        #expect(error.operation == "aten::matmul")
        #expect(error.arguments == ["float32[2, 3]", "float32[2, 3]"])
        #expect(error.reason.contains("mat1 and mat2 shapes cannot be multiplied"))
        #expect(!error.description.contains("\n"))
        #expect(!error.description.contains("Exception raised from"))
    }

    @Test func unknownOperatorsAndOverloadsAreReported() throws {
        let x = try tensor()
        for name in ["aten::no_such_thing", "aten::add.Nothing", "nonsense", ""] {
            let error = try #require(throws: TorchError.self) { try Operator(name)(x) }
            #expect(error.operation == name)
        }
    }

    @Test func argumentsOfTheWrongKindAreRefused() throws {
        let x = try tensor()
        let kind = try #require(throws: TorchError.self) { try Operator("aten::permute")(x, "rows") }
        #expect(kind.reason.contains("'dims' must be"))
        #expect(throws: TorchError.self) { try Operator("aten::relu")(3) }
        #expect(throws: TorchError.self) { try Operator("aten::relu")() }
        let none: Tensor? = nil
        let absent = try #require(throws: TorchError.self) { try Operator("aten::relu")(none) }
        #expect(absent.reason.contains("must be Tensor, not nothing"))
        #expect(throws: TorchError.self) { try Operator("aten::relu")(x, x, x) }
        // One tensor was expected.
        #expect(throws: TorchError.self) { try Operator("aten::topk")(x, 2) }
    }

    @Test func exceptionsOfEveryKindAreCaught() throws {
        let x = try tensor()
        // IndexError, a subclass of c10::Error.
        #expect(throws: TorchError.self) { try x.selected(0, 7) }
        // NotImplementedError from the dispatcher.
        #expect(throws: TorchError.self) { try x.to(device: .meta).item() }
        // A failed allocation.
        #expect(throws: TorchError.self) { try Tensor.empty([1 << 40, 1 << 10]) }
        #expect(throws: TorchError.self) { try Tensor.empty([Int.max, Int.max]) }
        #expect(throws: TorchError.self) { try Tensor.zeros([-1]) }
    }

    /// Sparse tensors have no places in memory, and nested ones no shape: nothing that asks for these ends the process.
    @Test func unusualLayoutsAreErrorsNotTheEnd() throws {
        let sparse = try Operator("aten::to_sparse")(Tensor([[0, 2], [0, 0]] as [[Float]]))
        #expect(sparse.shape == [2, 2] && sparse.rank == 2 && sparse.count == 4)
        #expect(!sparse.isContiguous() && !sparse.sharesStorage(with: sparse))
        #expect(sparse.summary == "float32[2, 2]")
        #expect(throws: TorchError.self) { try sparse.withBytes { _ in } }
        #expect(!sparse.requiresGrad && sparse.grad == nil)
        let parts = try [Tensor.ones([2]), Tensor.ones([3])]
        let nested = try #require(throws: TorchError.self) {
            try Operator("aten::_nested_tensor_from_tensor_list")(parts)
        }
        #expect(nested.reason.contains("nested tensors are not supported"))
    }

    /// Without memory for a message there is still an error: NULL would be taken for success.
    @Test func errorsWithoutMemoryAreErrors() {
        let error = ct_error_make("x", Int.max - 1)
        #expect(error.map { String(cString: $0) } == "out of memory")
        ct_error_free(error)
        let plain = ct_error_make("plain and more", 5)
        #expect(plain.map { String(cString: $0) } == "plain")
        ct_error_free(plain)
    }
}

extension Tensor {
    fileprivate func item(_ row: Int, _ column: Int) throws -> Double { try self[row, column].item() }
}
