import Support

extension Dataset {
    /// Divides the images at random, for a smaller set or a training and validation split.
    ///
    /// The same seed gives the same images on every system. Both parts have all categories and keep the order of the
    /// file.
    ///
    /// - Parameters:
    ///   - imageCount: The number of images in the sample.
    ///   - seed: The seed of the random choice.
    /// - Throws: ``COCOError`` if there are fewer images.
    package func sampled(
        imageCount: Int, seed: UInt64
    ) throws -> (sample: Dataset, rest: Dataset, report: ConversionReport) {
        guard (0...images.count).contains(imageCount) else {
            throw COCOError("\(imageCount) images are requested, but the file has \(images.count)")
        }
        var report = ConversionReport()
        let index = IDIndex(images.ids)
        guard index.duplicates.isEmpty else {
            throw COCOError(
                "\(index.duplicates.count) images use the id of an earlier image "
                    + "(\(images.ids[index.duplicates[0]])); fvlm check-dataset lists them")
        }
        var order = Array(0..<images.count)
        var random = SplitMix64(seed: seed)
        var isSampled = [Bool](repeating: false, count: images.count)
        for place in 0..<imageCount {
            order.swapAt(place, place + random.index(below: images.count - place))
            isSampled[order[place]] = true
        }
        var (sample, rest) = (emptied(), emptied())
        for row in 0..<images.count {
            if isSampled[row] { sample.images.append(images[row]) } else { rest.images.append(images[row]) }
        }
        for row in 0..<annotations.count {
            guard let image = index[annotations.imageIDs[row]] else {
                report.add(
                    "annotations have an image that the file does not have and are dropped",
                    id: annotations.ids[row])
                continue
            }
            if isSampled[image] {
                sample.annotations.append(row: row, of: annotations)
            } else {
                rest.annotations.append(row: row, of: annotations)
            }
        }
        return (sample, rest, report)
    }

    /// An empty data set with the same categories and metadata.
    func emptied() -> Dataset {
        var result = Dataset()
        (result.info, result.licenses, result.categories) = (info, licenses, categories)
        return result
    }
}
