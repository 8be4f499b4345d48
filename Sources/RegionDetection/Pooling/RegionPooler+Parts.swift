extension RegionPooler {
    /// What a head that computes in bytes makes of the boxes of every image, some of them at a time. Halves are exact enough for
    /// what becomes bytes.
    /// - Parameters:
    ///   - maps: [N, C, H, W] for each stride.
    ///   - boxes: The boxes of each of the N images, in pixels of the padded image.
    ///   - format: The memory layout of pooled regions.
    ///   - bytesOfPart: The most bytes of pooled regions at a time.
    ///   - head: Makes [R, ...] of R pooled regions; is called at least once.
    /// - Returns: [R, ...] of all regions, those of the first image first.
    /// - Throws: ``DetectionError``, `TorchError`; the errors of `head`.
    func inParts(
        _ maps: [Tensor], boxes: [Boxes], format: MemoryFormat = .channelsLast,
        bytes bytesOfPart: Int = 12 << 20, _ head: (Tensor) throws -> Tensor
    ) throws -> Tensor {
        let maps = try maps.map { try $0.to(EightBitSupport.resultType) }
        let bytes = try maps.first.map { try $0.size(1) * output * output * $0.dtype.byteCount } ?? 1
        let parts = RegionPart.parts(of: boxes.map(\.count), limit: max(bytesOfPart / max(bytes, 1), 1))
        guard parts.count > 1 else { return try head(self(maps, boxes: boxes, format: format)) }
        return try Tensor.cat(
            parts.map { part in
                let rows = try part.rows(of: boxes.map(\.tensor)).map { try Boxes($0) }
                let maps = try maps.map {
                    try $0.narrowed(0, start: part.images.lowerBound, length: part.images.count)
                }
                return try head(self(maps, boxes: rows, format: format))
            })
    }
}
