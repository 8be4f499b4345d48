internal import CTorch
import WeightFiles

extension Operator {
    static let empty = Operator("aten::empty.memory_format")
    static let full = Operator("aten::full")
    static let zeros = Operator("aten::zeros")
    static let ones = Operator("aten::ones")
    static let arange = Operator("aten::arange.start_step")
    static let eye = Operator("aten::eye.m")
    static let emptyLike = Operator("aten::empty_like")
    static let zerosLike = Operator("aten::zeros_like")
    static let onesLike = Operator("aten::ones_like")
    static let rand = Operator("aten::rand.generator")
    static let randn = Operator("aten::randn.generator")
    static let randint = Operator("aten::randint.low_generator")
    static let randperm = Operator("aten::randperm.generator")
    static let uniformInPlace = Operator("aten::uniform_")
    static let normalInPlace = Operator("aten::normal_")
}

/// The layout is always libtorch's default (strided).
let noLayout: Int? = nil

extension Tensor {
    // MARK: From Swift values

    /// Creates a tensor with copies of the numbers, row by row.
    /// - Parameters:
    ///   - elements: One number for each element of the shape.
    ///   - shape: One dimension by default.
    /// - Throws: ``TorchError`` if the number of elements does not fit the shape.
    public convenience init<Element: TensorElement>(_ elements: [Element], shape: [Int]? = nil) throws {
        let shape = shape ?? [elements.count]
        let expected = try Tensor.elementCount(of: shape)
        guard expected == elements.count else {
            throw TorchError(
                "Tensor", arguments: ["\(elements.count) elements", "shape \(shape)"],
                reason: "the shape has \(expected) elements")
        }
        let tensor = try Tensor.empty(shape, dtype: Element._dtype)
        try tensor.withMutableBytes { bytes in
            elements.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
        self.init(sharing: tensor)
    }

    /// Creates a matrix with copies of the numbers.
    /// - Throws: ``TorchError`` if the rows differ in length.
    public convenience init<Element: TensorElement>(_ rows: [[Element]]) throws {
        let width = rows.first?.count ?? 0
        guard rows.allSatisfy({ $0.count == width }) else {
            throw TorchError("Tensor", arguments: ["\(rows.count) rows"], reason: "the rows differ in length")
        }
        try self.init(rows.flatMap { $0 }, shape: [rows.count, width])
    }

    /// Creates a three-dimensional tensor with copies of the numbers.
    /// - Throws: ``TorchError`` if matrices or rows differ in size.
    public convenience init<Element: TensorElement>(_ matrices: [[[Element]]]) throws {
        let height = matrices.first?.count ?? 0
        let width = matrices.first?.first?.count ?? 0
        guard matrices.allSatisfy({ $0.count == height && $0.allSatisfy { $0.count == width } }) else {
            throw TorchError(
                "Tensor", arguments: ["\(matrices.count) matrices"], reason: "they differ in size")
        }
        try self.init(matrices.flatMap { $0.flatMap { $0 } }, shape: [matrices.count, height, width])
    }

    /// Creates a tensor without dimensions from one number.
    public convenience init<Element: TensorElement>(scalar: Element) throws {
        try self.init([scalar], shape: [])
    }

    /// Creates a tensor backed by existing memory; nothing is copied.
    /// - Parameters:
    ///   - memory: The first element; aligned for the element type.
    ///   - shape: The shape of the tensor.
    ///   - strides: Distances between neighbors in elements; row by row by default. The caller guarantees that every
    ///     element is inside the memory.
    ///   - dtype: The type of the elements.
    ///   - owner: Kept alive as long as the tensor or a view of it exists.
    /// - Throws: ``TorchError`` for invalid shapes.
    public convenience init(
        wrapping memory: UnsafeMutableRawPointer, shape: [Int], strides: [Int]? = nil, dtype: DType,
        owner: AnyObject & Sendable
    ) throws {
        _ = try Tensor.elementCount(of: shape)
        let strides = strides ?? Tensor.contiguousStrides(of: shape)
        guard strides.count == shape.count else {
            throw TorchError(
                "Tensor", arguments: ["shape \(shape)", "strides \(strides)"], reason: "they differ in length"
            )
        }
        let context = Unmanaged.passRetained(owner as AnyObject)
        var handle: ct_tensor?
        try check(
            ct_tensor_wrap(
                memory, dtype.code, shape.map(Int64.init), strides.map(Int64.init), shape.count,
                { context in
                    if let context { Unmanaged<AnyObject>.fromOpaque(context).release() }
                }, context.toOpaque(), &handle),
            "Tensor", ["shape \(shape)", "strides \(strides)", dtype.rawValue])
        guard let handle else { throw TorchError("Tensor", reason: "could not be created") }
        self.init(taking: handle)
    }

    /// Creates another reference to the same tensor.
    convenience init(sharing other: Tensor) {
        ct_tensor_retain(other.handle)
        self.init(taking: other.handle)
    }

    /// The number of elements of a shape.
    /// - Throws: ``TorchError`` for negative sizes and for products beyond what fits in memory.
    static func elementCount(of shape: [Int]) throws -> Int {
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else {
                throw TorchError("Tensor", arguments: ["shape \(shape)"], reason: "is not a valid shape")
            }
            count = product
        }
        return count
    }

    static func contiguousStrides(of shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for index in shape.indices.dropLast().reversed() {
            strides[index] = strides[index + 1] * Swift.max(shape[index + 1], 1)
        }
        return strides
    }

    // MARK: Filled

    /// A tensor with uninitialized elements.
    public static func empty(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu, format: MemoryFormat = .contiguous
    ) throws -> Tensor {
        try Operator.empty(shape, dtype, noLayout, device, false, format)
    }

    /// As ``empty(_:dtype:device:format:)`` in main memory that devices read directly, where there is a device.
    package static func emptyPinned(_ shape: [Int], dtype: DType) throws -> Tensor {
        try Operator.empty(shape, dtype, noLayout, Device.cpu, true, MemoryFormat.contiguous)
    }

    /// A tensor of zeros.
    public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor
    {
        try Operator.zeros(shape, dtype, noLayout, device)
    }

    /// A tensor of ones.
    public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
        try Operator.ones(shape, dtype, noLayout, device)
    }

    /// A tensor filled with one number.
    public static func full(
        _ shape: [Int], _ value: some ScalarConvertible, dtype: DType = .float32, device: Device = .cpu
    ) throws -> Tensor {
        try Operator.full(shape, value._scalar, dtype, noLayout, device)
    }

    /// The numbers from `start` up to but not including `end`.
    public static func arange(
        _ start: some ScalarConvertible = 0, to end: some ScalarConvertible,
        by step: some ScalarConvertible = 1,
        dtype: DType? = nil, device: Device = .cpu
    ) throws -> Tensor {
        try Operator.arange(start._scalar, end._scalar, step._scalar, dtype, noLayout, device)
    }

    /// A matrix with ones on the diagonal; square unless `columns` is given.
    public static func eye(
        _ rows: Int, _ columns: Int? = nil, dtype: DType = .float32, device: Device = .cpu
    ) throws -> Tensor {
        try Operator.eye(rows, columns ?? rows, dtype, noLayout, device)
    }

    /// A tensor of the same shape, type and device with uninitialized elements.
    package func emptyLike() throws -> Tensor { try Operator.emptyLike(self) }

    /// A tensor of zeros of the same shape, type and device.
    public func zerosLike() throws -> Tensor { try Operator.zerosLike(self) }

    /// A tensor of ones of the same shape, type and device.
    public func onesLike() throws -> Tensor { try Operator.onesLike(self) }
}

// Without a generator, the device's default one is used.
extension Tensor {
    /// Uniform numbers from 0 up to but not including 1.
    public static func random(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu, generator: Generator? = nil
    ) throws -> Tensor {
        try Operator.rand(shape, generator, dtype, noLayout, device)
    }

    /// Normal numbers with mean 0 and standard deviation 1.
    public static func randomNormal(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu, generator: Generator? = nil
    ) throws -> Tensor {
        try Operator.randn(shape, generator, dtype, noLayout, device)
    }

    /// Integers from a range, all equally likely.
    public static func random(
        in range: Range<Int>, _ shape: [Int], dtype: DType = .int64, device: Device = .cpu,
        generator: Generator? = nil
    ) throws -> Tensor {
        try Operator.randint(range.lowerBound, range.upperBound, shape, generator, dtype, noLayout, device)
    }

    /// The integers from 0 up to but not including `count`, in random order.
    public static func randomPermutation(
        _ count: Int, dtype: DType = .int64, device: Device = .cpu, generator: Generator? = nil
    ) throws -> Tensor {
        try Operator.randperm(count, generator, dtype, noLayout, device)
    }

    /// Overwrites the elements with uniform numbers.
    public func fillUniformInPlace(from low: Double = 0, to high: Double = 1, generator: Generator? = nil)
        throws
    {
        try Operator.uniformInPlace(self, low, high, generator)
    }

    /// Overwrites the elements with normal numbers.
    public func fillNormalInPlace(
        mean: Double = 0, standardDeviation: Double = 1, generator: Generator? = nil
    ) throws {
        try Operator.normalInPlace(self, mean, standardDeviation, generator)
    }
}
