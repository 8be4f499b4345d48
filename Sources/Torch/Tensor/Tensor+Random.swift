import WeightFiles

extension Operator {
    static let rand = Operator("aten::rand.generator")
    static let randn = Operator("aten::randn.generator")
    static let randint = Operator("aten::randint.low_generator")
    static let randperm = Operator("aten::randperm.generator")
    static let uniformInPlace = Operator("aten::uniform_")
    static let normalInPlace = Operator("aten::normal_")
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
