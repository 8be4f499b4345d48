/// How finely the frozen model sees the regions that it scores.
///
/// CLIP recognises objects best at the sizes that it was trained with. A picture can therefore pass the trunk at several
/// sizes, and every region is looked at where it comes closest to ``objectSize``. The published method knows one size.
public struct RegionResolution: Sendable, Hashable {
    /// How many times larger than for the pyramid the picture is made.
    public var scales: [Double]

    /// The wanted side of a region, the root of its area, in pixels of the enlarged picture.
    public var objectSize: Double

    /// At how many of ``scales`` a region is looked at, those at which it comes closest to ``objectSize``; their embeddings
    /// are averaged.
    public var scalesPerRegion: Int

    /// Whether a ResNet's C5 is made with the step of C4.
    public var isDense: Bool

    /// A resolution; by default the published one.
    public init(
        scales: [Double] = [1], objectSize: Double = 56, scalesPerRegion: Int = 1, isDense: Bool = false
    ) {
        self.scales = scales
        self.objectSize = objectSize
        self.scalesPerRegion = scalesPerRegion
        self.isDense = isDense
    }

    /// The places in ``scales`` of those at which a region comes closest to ``objectSize``, ``scalesPerRegion`` of them.
    /// - Parameters:
    ///   - width: Of the region, in pixels of the batch.
    ///   - height: As `width`.
    func scales(forWidth width: Float, height: Float) -> [Int] {
        let side = Double(max(width, 1) * max(height, 1)).squareRoot()
        /// How many times too large or too small.
        func misfit(_ scale: Double) -> Double { max(side * scale / objectSize, objectSize / (side * scale)) }
        let order = scales.indices.sorted {
            let (first, second) = (misfit(scales[$0]), misfit(scales[$1]))
            return first == second ? $0 < $1 : first < second
        }
        return Array(order.prefix(max(scalesPerRegion, 1)))
    }
}
