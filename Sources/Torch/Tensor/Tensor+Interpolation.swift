extension Operator {
    static let upsampleNearest = Operator("aten::upsample_nearest2d")
    static let upsampleBilinear = Operator("aten::upsample_bilinear2d")
    static let upsampleBicubic = Operator("aten::upsample_bicubic2d")
    static let upsampleBilinearAntialias = Operator("aten::_upsample_bilinear2d_aa")
    static let upsampleBicubicAntialias = Operator("aten::_upsample_bicubic2d_aa")
}

/// How values between the places of an image are found.
public enum Interpolation: String, Sendable, Codable, CaseIterable {
    /// The value of the nearest place (PyTorch's `nearest`, which rounds down).
    case nearest
    /// A weighted mean of 2 x 2 places.
    case bilinear
    /// A cubic through 4 x 4 places (a = -0.75; with antialiasing -0.5, as PIL has it).
    case bicubic
}

extension Tensor {
    /// Images [N, C, H, W] resized.
    /// - Parameters:
    ///   - alignCorners: Whether the centres of the corners coincide, instead of their outer edges.
    ///   - antialias: Whether the window widens when the image shrinks, as PIL does; not for `nearest`.
    ///   - scale: What PyTorch calls `scale_factor`: used for the coordinates in place of the ratio of the sizes,
    ///     which differs where sizes are rounded.
    /// - Throws: ``TorchError``.
    public func interpolated(
        to size: Size2D, _ mode: Interpolation = .bilinear, alignCorners: Bool = false,
        antialias: Bool = false,
        scale: (height: Double, width: Double)? = nil
    ) throws -> Tensor {
        let vertical = scale?.height
        let horizontal = scale?.width
        switch (mode, antialias) {
        case (.nearest, false): return try Operator.upsampleNearest(self, size.list, vertical, horizontal)
        case (.nearest, true):
            throw TorchError("interpolated", arguments: [summary], reason: "nearest has no antialiasing")
        case (.bilinear, false):
            return try Operator.upsampleBilinear(self, size.list, alignCorners, vertical, horizontal)
        case (.bilinear, true):
            return try Operator.upsampleBilinearAntialias(self, size.list, alignCorners, vertical, horizontal)
        case (.bicubic, false):
            return try Operator.upsampleBicubic(self, size.list, alignCorners, vertical, horizontal)
        case (.bicubic, true):
            return try Operator.upsampleBicubicAntialias(self, size.list, alignCorners, vertical, horizontal)
        }
    }
}
