import COCO

/// Which objects are found: recall at one IoU by size, by shape and by how crowded the image is.
///
/// All detections that take part count, whatever their score.
public struct RecallBreakdown: Sendable {
    /// Objects that have something in common.
    public struct Group: Sendable, Hashable {
        /// What they have in common: `small`, `wide`, `1 to 5`.
        public var name: String

        /// The rule, for people: `area below 32^2 pixels`.
        public var rule: String

        /// The number of objects.
        public var objectCount: Int

        /// The number of those that were found.
        public var foundCount: Int

        /// The share of objects that were found; nil without objects.
        public var recall: Double? {
            objectCount == 0 ? nil : Double(foundCount) / Double(objectCount)
        }
    }

    /// By area in square pixels, with COCO's ends.
    public private(set) var bySize = [
        Group("small", "area below 32^2 pixels"), Group("medium", "area from 32^2 to 96^2 pixels"),
        Group("large", "area above 96^2 pixels"),
    ]

    /// By width over height of the box.
    public private(set) var byAspect = [
        Group("tall", "width below half the height"), Group("even", "neither side twice the other"),
        Group("wide", "width above twice the height"),
    ]

    /// By the number of objects in the image, of all classes.
    public private(set) var byCrowding = [
        Group("1", "alone in its image"), Group("2 to 5", "2 to 5 objects in the image"),
        Group("6 to 15", "6 to 15 objects in the image"),
        Group("16 or more", "16 or more objects in the image"),
    ]

    /// Counts the objects of an assignment.
    public init(_ overlaps: Overlaps, _ assignment: Assignment) {
        let problem = overlaps.problem
        let boxes = problem.truth.annotations.boxes
        for image in 0..<overlaps.imageCount {
            let places = overlaps.truths(image: image).filter { !overlaps.isCrowd($0) }
            let crowding = places.count <= 1 ? 0 : places.count <= 5 ? 1 : places.count <= 15 ? 2 : 3
            for place in places {
                let row = Int(problem.annotationRows[place])
                let isFound = assignment.finders[place] >= 0
                let area = problem.truthAreas[row]
                bySize[area < 32 * 32 ? 0 : area <= 96 * 96 ? 1 : 2].add(isFound)
                byCrowding[crowding].add(isFound)
                let (width, height) = (boxes[row].width, boxes[row].height)
                // Objects without a box have no shape.
                guard width > 0, height > 0 else { continue }
                byAspect[2 * width < height ? 0 : width > 2 * height ? 2 : 1].add(isFound)
            }
        }
    }
}

extension RecallBreakdown.Group {
    fileprivate init(_ name: String, _ rule: String) {
        self.init(name: name, rule: rule, objectCount: 0, foundCount: 0)
    }

    fileprivate mutating func add(_ isFound: Bool) {
        objectCount += 1
        if isFound { foundCount += 1 }
    }
}
