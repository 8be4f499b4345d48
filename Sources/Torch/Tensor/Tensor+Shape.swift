extension Operator {
    static let reshape = Operator("aten::reshape")
    static let permute = Operator("aten::permute")
    static let transpose = Operator("aten::transpose.int")
    static let flatten = Operator("aten::flatten.using_ints")
    static let unflatten = Operator("aten::unflatten.int")
    static let squeeze = Operator("aten::squeeze.dims")
    static let unsqueeze = Operator("aten::unsqueeze")
    static let expand = Operator("aten::expand")
    static let `repeat` = Operator("aten::repeat")
    static let repeatInterleave = Operator("aten::repeat_interleave.self_int")
    static let flip = Operator("aten::flip")
    static let roll = Operator("aten::roll")
    static let pad = Operator("aten::pad")
    static let cat = Operator("aten::cat")
    static let stack = Operator("aten::stack")
    static let split = Operator("aten::split.Tensor")
    static let splitWithSizes = Operator("aten::split_with_sizes")
    static let chunk = Operator("aten::chunk")
    static let unbind = Operator("aten::unbind.int")
    static let narrow = Operator("aten::narrow")
    static let select = Operator("aten::select.int")
    static let slice = Operator("aten::slice.Tensor")
    static let meshgrid = Operator("aten::meshgrid.indexing")
    static let lowerTriangle = Operator("aten::tril")
    static let diagonal = Operator("aten::diagonal")
}

// Views where possible, copies otherwise. Dimensions may be negative: they count from the last.
extension Tensor {
    /// The same elements in a different shape; one size may be -1 and is inferred.
    public func reshaped(_ shape: [Int]) throws -> Tensor { try Operator.reshape(self, shape) }

    /// The tensor with its dimensions permuted.
    public func permuted(_ dimensions: [Int]) throws -> Tensor { try Operator.permute(self, dimensions) }

    /// The tensor with two dimensions swapped.
    public func transposed(_ first: Int, _ second: Int) throws -> Tensor {
        try Operator.transpose(self, first, second)
    }

    /// The dimensions from `start` to `end` merged into one.
    public func flattened(from start: Int = 0, to end: Int = -1) throws -> Tensor {
        try Operator.flatten(self, start, end)
    }

    /// One dimension split into several.
    public func unflattened(_ dimension: Int, into sizes: [Int]) throws -> Tensor {
        try Operator.unflatten(self, dimension, sizes)
    }

    /// The tensor without the given dimensions of size 1; others are unchanged.
    public func squeezed(_ dimensions: Int...) throws -> Tensor { try Operator.squeeze(self, dimensions) }

    /// The tensor with a new dimension of size 1.
    public func unsqueezed(_ dimension: Int) throws -> Tensor { try Operator.unsqueeze(self, dimension) }

    /// The tensor with dimensions of size 1 repeated without copying; -1 keeps a size.
    public func expanded(_ shape: [Int]) throws -> Tensor { try Operator.expand(self, shape) }

    /// The tensor tiled along each dimension.
    public func repeated(_ counts: [Int]) throws -> Tensor { try Operator.repeat(self, counts) }

    /// The tensor with every element repeated in place along one dimension.
    public func repeatInterleaved(_ count: Int, dimension: Int? = nil) throws -> Tensor {
        try Operator.repeatInterleave(self, count, dimension)
    }

    /// The tensor reversed along some dimensions.
    public func flipped(_ dimensions: [Int]) throws -> Tensor { try Operator.flip(self, dimensions) }

    /// The tensor with its elements shifted cyclically along some dimensions.
    public func rolled(_ shifts: [Int], dimensions: [Int]) throws -> Tensor {
        try Operator.roll(self, shifts, dimensions)
    }

    /// How padding is filled.
    public enum Padding: String, Sendable {
        /// With one number.
        case constant
        /// With the mirror image, without repeating the border.
        case reflect
        /// With the nearest element.
        case replicate
        /// With the opposite side.
        case circular
    }

    /// The tensor padded at its sides: `[left, right]` of the last dimension, then of the one before it, and so on.
    public func padded(_ sides: [Int], _ mode: Padding = .constant, value: Double = 0) throws -> Tensor {
        try Operator.pad(self, sides, mode.rawValue, mode == .constant ? value : nil)
    }

    /// Concatenates tensors along an existing dimension.
    public static func cat(_ tensors: [Tensor], dimension: Int = 0) throws -> Tensor {
        try Operator.cat(tensors, dimension)
    }

    /// Stacks tensors of one shape along a new dimension.
    public static func stack(_ tensors: [Tensor], dimension: Int = 0) throws -> Tensor {
        try Operator.stack(tensors, dimension)
    }

    /// Parts of the given size along a dimension; the last may be smaller.
    public func split(_ size: Int, dimension: Int = 0) throws -> [Tensor] {
        try Operator.split.tensors(self, size, dimension)
    }

    /// Parts of the given sizes along a dimension.
    public func split(_ sizes: [Int], dimension: Int = 0) throws -> [Tensor] {
        try Operator.splitWithSizes.tensors(self, sizes, dimension)
    }

    /// `count` parts along a dimension, as equal as possible.
    public func chunked(_ count: Int, dimension: Int = 0) throws -> [Tensor] {
        try Operator.chunk.tensors(self, count, dimension)
    }

    /// The slices along a dimension, which they lack.
    public func unbound(_ dimension: Int = 0) throws -> [Tensor] {
        try Operator.unbind.tensors(self, dimension)
    }

    /// `length` slices from `start` along a dimension.
    public func narrowed(_ dimension: Int, start: Int, length: Int) throws -> Tensor {
        try Operator.narrow(self, dimension, start, length)
    }

    /// One slice along a dimension, which the result lacks.
    public func selected(_ dimension: Int, _ index: Int) throws -> Tensor {
        try Operator.select(self, dimension, index)
    }

    /// Grids of coordinates: the i-th result varies along the i-th dimension only.
    public static func meshgrid(_ axes: [Tensor]) throws -> [Tensor] {
        try Operator.meshgrid.tensors(axes, "ij")
    }

    /// Matrices with zeros above a diagonal (0: the main one, positive: above it).
    public func lowerTriangle(_ diagonal: Int = 0) throws -> Tensor {
        try Operator.lowerTriangle(self, diagonal)
    }

    /// A diagonal of the matrices along two dimensions.
    public func diagonal(_ offset: Int = 0, _ first: Int = 0, _ second: Int = 1) throws -> Tensor {
        try Operator.diagonal(self, offset, first, second)
    }
}
