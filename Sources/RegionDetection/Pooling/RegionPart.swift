/// Some of a batch's regions: what is worked on at a time where all at once would take too much memory.
package struct RegionPart: Sendable, Hashable {
    /// The images that the part has regions of.
    package let images: Range<Int>

    /// The regions of each of these images.
    package let regions: [Range<Int>]

    /// The number of regions.
    package var count: Int { regions.reduce(0) { $0 + $1.count } }

    /// The parts of a batch, in the order of images and regions. Those of an image with many regions are about equal.
    /// - Parameters:
    ///   - counts: The number of regions of each image.
    ///   - limit: The most regions of a part, at least 1.
    package static func parts(of counts: [Int], limit: Int) -> [RegionPart] {
        var parts: [RegionPart] = []
        for (image, count) in counts.enumerated() where count > 0 {
            let pieces = (count + limit - 1) / limit
            for piece in 0..<pieces {
                let regions = count * piece / pieces..<count * (piece + 1) / pieces
                guard let last = parts.last, last.count + regions.count <= limit else {
                    parts.append(RegionPart(images: image..<image + 1, regions: [regions]))
                    continue
                }
                let between = [Range<Int>](repeating: 0..<0, count: image - last.images.upperBound)
                parts[parts.count - 1] = RegionPart(
                    images: last.images.lowerBound..<image + 1, regions: last.regions + between + [regions])
            }
        }
        return parts
    }

    /// The part's rows of what there is for each image of the batch.
    /// - Parameter tensors: [R, ...], R regions, for each image.
    /// - Returns: The same for each of ``images``.
    /// - Throws: `TorchError`.
    package func rows(of tensors: [Tensor]) throws -> [Tensor] {
        try zip(images, regions).map { image, rows in
            try tensors[image].narrowed(0, start: rows.lowerBound, length: rows.count)
        }
    }
}
