import Testing
import Torch

@Suite struct TensorTests {
    @Test func everyElementTypeComesBackAsItWent() throws {
        #expect(try Tensor([1.5, -2] as [Float]).array() == [1.5, -2] as [Float])
        #expect(try Tensor([1.5, -2] as [Double]).array() == [1.5, -2] as [Double])
        #expect(try Tensor([1, -2] as [Int8]).array() == [1, -2] as [Int8])
        #expect(try Tensor([1, -2] as [Int16]).array() == [1, -2] as [Int16])
        #expect(try Tensor([1, -2] as [Int32]).array() == [1, -2] as [Int32])
        #expect(try Tensor([1, .min] as [Int]).array() == [1, .min] as [Int])
        #expect(try Tensor([1, 255] as [UInt8]).array() == [1, 255] as [UInt8])
        #expect(try Tensor([true, false]).array() == [true, false])
        for type in DType.allCases {
            let tensor = try Tensor.ones([2, 3], dtype: type)
            #expect(try tensor.dtype == type)
            #expect(try tensor.array(of: Double.self) == [1, 1, 1, 1, 1, 1])
        }
    }

    @Test func shapesThatDoNotFitAreRefused() throws {
        #expect(throws: TorchError.self) { try Tensor([1, 2, 3], shape: [2, 2]) }
        #expect(throws: TorchError.self) { try Tensor([[1, 2], [3]]) }
        #expect(throws: TorchError.self) { try Tensor([1, 2], shape: [-1, -2]) }
        #expect(throws: TorchError.self) { try Tensor([1, 2]).item() }
        #expect(throws: TorchError.self) { try Tensor([1, 2]).size(1) }
    }

    @Test func wrappedMemoryIsNeitherCopiedNorFreedEarly() throws {
        let view = try {
            let owner = Memory([1, 2, 3, 4])
            let tensor = try Tensor(wrapping: owner.pointer, shape: [2, 2], dtype: .float32, owner: owner)
            owner.pointer.assumingMemoryBound(to: Float.self)[3] = 9
            return try tensor[1]
        }()
        #expect(try view.array(of: Float.self) == [3, 9])
    }

    /// The memory's owner is let go with the last view.
    @Test func wrappedMemoryIsReleased() throws {
        weak var watched: Memory?
        do {
            let owner = Memory([1, 2])
            watched = owner
            let tensor = try Tensor(wrapping: owner.pointer, shape: [2], dtype: .float32, owner: owner)
            _ = try tensor + 1
        }
        #expect(watched == nil)
        do {
            let owner = Memory([1, 2])
            watched = owner
            #expect(throws: TorchError.self) {
                try Tensor(
                    wrapping: owner.pointer, shape: [2], strides: [1, 1], dtype: .float32, owner: owner)
            }
        }
        #expect(watched == nil)
    }

    @Test func viewsShareAndCopiesDoNot() throws {
        let tensor = try Tensor.zeros([2, 3])
        let row = try tensor[0]
        let copy = try tensor.clone()
        try row.fillInPlace(1)
        #expect(try tensor.sum().item() == 3)
        #expect(try copy.sum().item() == 0)
        #expect(row.sharesStorage(with: tensor))
        #expect(!copy.sharesStorage(with: tensor))
    }

    @Test func assignmentThroughIndices() throws {
        let tensor = try Tensor.zeros([3, 4])
        try tensor.set(1, 2..., to: 5)
        try tensor.set([0, 2], TensorIndex.all, to: Tensor([1, 2, 3, 4] as [Float]))
        try tensor.set(tensor .== 5, to: 7)
        #expect(try tensor.array(of: Int.self) == [1, 2, 3, 4, 0, 0, 7, 7, 1, 2, 3, 4])
        #expect(throws: TorchError.self) { try tensor.set(5, to: 1) }
        #expect(throws: TorchError.self) { try tensor[0, 0, 0] }
        #expect(throws: TorchError.self) { try tensor[TensorIndex.ellipsis, TensorIndex.ellipsis] }
    }

    @Test func emptyTensorsAreTensors() throws {
        let empty = try Tensor([] as [Float], shape: [0, 4])
        #expect(try empty.array(of: Float.self).isEmpty)
        #expect(try empty.sum().item() == 0)
        #expect(try Tensor.cat([empty, Tensor.ones([2, 4])]).shape == [2, 4])
        #expect(try empty.matmul(Tensor.ones([4, 3])).shape == [0, 3])
        #expect(throws: TorchError.self) { try empty.max() }
    }

    @Test func printsReadably() throws {
        let small = try Tensor([[1, 2], [3, 4]] as [[Float]])
        #expect("\(small)" == "Tensor([[1., 2.],\n        [3., 4.]], float32[2, 2])")
        #expect("\(try Tensor(scalar: true))" == "Tensor(true, bool[])")
        let long = try Tensor.arange(to: 1000).description
        #expect(long.contains("…") && long.count < 100)
        #expect("\(try Tensor([Float.nan, .infinity]))".contains("nan"))
    }

    @Test func channelsLastIsKeptThroughANetwork() throws {
        let store = ParameterStore()
        let network = Sequential([
            try Conv2d(store.root / 0, inputs: 4, outputs: 8, kernel: 3, padding: 1),
            try BatchNorm2d(store.root / 1, channels: 8), Activation.relu,
            try Conv2d(store.root / 2, inputs: 8, outputs: 8, kernel: 3, stride: 2),
        ])
        try store.initialize(seed: 1)
        let input = try Tensor.random([2, 4, 9, 9], generator: Generator(seed: 2))
        let plain = try network(input)
        try store.convert(format: .channelsLast)
        let output = try network(input.contiguous(.channelsLast))
        #expect(output.isContiguous(.channelsLast))
        #expect(try output.isClose(to: plain, relative: 1e-4, absolute: 1e-5).all().item() == 1)
    }

    @Test func devicesAreReadAndWritten() throws {
        #expect(Device("cuda:1") == .cuda(1))
        #expect(Device("cpu") == .cpu)
        #expect(Device("tpu") == nil && Device("cuda:x") == nil && Device("") == nil)
        #expect(Device.cuda(2).description == "cuda:2")
        #expect(Device.count(of: .cpu) == 1)
        if Device.count(of: .cuda) == 0 {
            #expect(throws: TorchError.self) { try Tensor.ones([1]).to(device: .cuda()) }
        }
    }

    /// Memory on the heap that says when it goes.
    private final class Memory: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer

        init(_ numbers: [Float]) {
            pointer = .allocate(byteCount: numbers.count * 4, alignment: 64)
            numbers.withUnsafeBytes { pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        }

        deinit { pointer.deallocate() }
    }
}
