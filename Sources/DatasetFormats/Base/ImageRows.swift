import COCO

/// The annotations of every image, by rows.
package struct ImageRows: Sendable {
    private var starts: [Int32]
    private var rows: [Int32]

    /// The rows of annotations whose image the data set does not have.
    package let orphans: [Int]

    /// Sorts the annotations of a data set by image.
    ///
    /// - Throws: `COCOError` when two images have one id.
    package init(_ dataset: Dataset) throws {
        let index = IDIndex(dataset.images.ids)
        guard index.duplicates.isEmpty else {
            throw COCOError(
                "the image id \(dataset.images.ids[index.duplicates[0]]) occurs twice; fvlm check-dataset "
                    + "lists all")
        }
        let ids = dataset.annotations.imageIDs
        starts = Array(repeating: 0, count: dataset.images.count + 1)
        var orphans: [Int] = []
        var places = [Int32](repeating: -1, count: ids.count)
        for row in ids.indices {
            guard let image = index[ids[row]] else {
                orphans.append(row)
                continue
            }
            places[row] = Int32(image)
            starts[image + 1] += 1
        }
        for image in 0..<dataset.images.count { starts[image + 1] += starts[image] }
        var next = starts
        rows = Array(repeating: 0, count: ids.count - orphans.count)
        for row in ids.indices where places[row] >= 0 {
            rows[Int(next[Int(places[row])])] = Int32(row)
            next[Int(places[row])] += 1
        }
        self.orphans = orphans
    }

    /// The rows of the annotations of an image, in the file's order.
    package subscript(image: Int) -> some Sequence<Int> {
        rows[Int(starts[image])..<Int(starts[image + 1])].lazy.map { Int($0) }
    }
}
