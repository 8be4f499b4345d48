extension Boxes {
    /// The areas that every box [N] shares with every other [M], [N, M].
    public func intersections(with others: Boxes) throws -> Tensor {
        let (mine, theirs) = try (tensor.unsqueezed(1), others.tensor.unsqueezed(0))
        let first = try Tensor.maximum(mine[TensorIndex.ellipsis, 0..<2], theirs[TensorIndex.ellipsis, 0..<2])
        let second = try Tensor.minimum(
            mine[TensorIndex.ellipsis, 2..<4], theirs[TensorIndex.ellipsis, 2..<4])
        return try (second - first).clamped(min: 0).product(2)
    }

    /// Intersection over union of every box [N] with every other [M], [N, M]; 0 where they do not meet.
    public func intersectionOverUnion(with others: Boxes) throws -> Tensor {
        let common = try intersections(with: others)
        let union = try areas().unsqueezed(1) + others.areas().unsqueezed(0) - common
        return try (common / union).where(common .> 0, otherwise: common.zerosLike())
    }

    /// The share of every box [N] that lies in every other [M], [N, M]; 0 where they do not meet. What decides about
    /// regions of a crowd, which have no extent of their own.
    public func intersectionOverArea(with others: Boxes) throws -> Tensor {
        let common = try intersections(with: others)
        return try (common / areas().unsqueezed(1)).where(common .> 0, otherwise: common.zerosLike())
    }

    /// The smallest boxes that hold each pair, [N].
    /// - Throws: ``TorchError`` when there are not as many others.
    public func hulls(with others: Boxes) throws -> Boxes {
        let first = try Tensor.minimum(tensor[TensorIndex.all, 0..<2], others.tensor[TensorIndex.all, 0..<2])
        let second = try Tensor.maximum(tensor[TensorIndex.all, 2..<4], others.tensor[TensorIndex.all, 2..<4])
        return try Boxes(Tensor.cat([first, second], dimension: 1))
    }
}
