/// How finely the frozen model sees the regions that it scores.
///
/// CLIP recognises objects best at the sizes that it was trained with. A picture can therefore pass the trunk at several
/// sizes, and every region is looked at where it comes closest to ``objectSize``. The published method knows one size.
public struct RegionResolution: Sendable, Hashable {
    /// How many times larger than for the pyramid the picture is made.
    public var scales: [Double]

    /// The wanted side of a region, the root of its area, in pixels of the enlarged picture.
    public var objectSize: Double

    /// Whether a ResNet's C5 is made with the step of C4.
    public var isDense: Bool

    /// A resolution; by default the published one.
    public init(scales: [Double] = [1], objectSize: Double = 56, isDense: Bool = false) {
        self.scales = scales
        self.objectSize = objectSize
        self.isDense = isDense
    }

    /// The place in ``scales`` of the one at which a region comes closest to ``objectSize``.
    /// - Parameters:
    ///   - width: Of the region, in pixels of the batch.
    ///   - height: As `width`.
    func scale(forWidth width: Float, height: Float) -> Int {
        let side = Double(max(width, 1) * max(height, 1)).squareRoot()
        /// How many times too large or too small.
        func misfit(_ scale: Double) -> Double { max(side * scale / objectSize, objectSize / (side * scale)) }
        return scales.indices.min { misfit(scales[$0]) < misfit(scales[$1]) } ?? 0
    }
}
