/// A named subset of the classes, for example those that a detector was trained on.
public struct CategorySplit: Sendable, Hashable {
    /// The name: `base`, `novel`.
    public var name: String

    /// The ids of the classes.
    public var categoryIDs: [Int64]

    /// Creates a subset of the classes.
    public init(name: String, categoryIDs: [Int64]) {
        self.name = name
        self.categoryIDs = categoryIDs
    }
}

/// Published splits of the classes into trained and novel ones.
public enum OpenVocabularySplit: String, Sendable, CaseIterable {
    /// COCO: 48 base and 17 novel classes (Bansal et al., Zero-Shot Object Detection, 2018; OVR-CNN, ViLD). The 15
    /// remaining classes are not used. Scored in the generalized setting: all 65 classes at once.
    case coco48x17 = "ovd48-17"

    /// LVIS v1: the 337 rare classes are novel, the 866 common and frequent ones base (ViLD).
    case lvisBaseRare = "lvis-base-rare"

    /// The parts `base` and `novel`.
    ///
    /// Classes that the data set does not have are omitted.
    ///
    /// - Throws: ``COCOError`` if the classes of the data set are not those of the split.
    public func parts(of dataset: Dataset) throws -> [CategorySplit] {
        switch self {
        case .coco48x17:
            let known = dataset.categories.filter { Self.cocoNames[$0.id] != nil }
            // Names differ between publishers of the same classes (sofa, couch), but most are the same.
            let named = known.count { Self.plain($0.name) == Self.plain(Self.cocoNames[$0.id] ?? "") }
            let parts = [("base", Self.coco48), ("novel", Self.coco17)].map { name, wanted in
                CategorySplit(name: name, categoryIDs: known.map(\.id).filter { wanted.contains($0) })
            }
            guard 2 * named >= known.count, parts.allSatisfy({ !$0.categoryIDs.isEmpty }) else {
                throw COCOError(
                    "the split \(rawValue) needs COCO's classes under COCO's ids (1 person ... 90 toothbrush), base and "
                        + "novel ones; those of the ground truth differ")
            }
            return parts
        case .lvisBaseRare:
            guard dataset.categories.allSatisfy({ $0.frequency != nil }) else {
                throw COCOError(
                    "the split \(rawValue) needs LVIS's classes with their frequency: r, c or f")
            }
            return [
                CategorySplit(
                    name: "base", categoryIDs: dataset.categories.filter { $0.frequency != .rare }.map(\.id)),
                CategorySplit(
                    name: "novel", categoryIDs: dataset.categories.filter { $0.frequency == .rare }.map(\.id)),
            ]
        }
    }

    /// The names of COCO's 65 classes in lower case, and whether each is a base class of ``coco48x17``.
    package static var coco48x17Names: [String: Bool] {
        let parts = coco48.map { ($0, true) } + coco17.map { ($0, false) }
        return Dictionary(
            uniqueKeysWithValues: parts.compactMap { id, isBase in cocoNames[id].map { ($0, isBase) } })
    }

    private static func plain(_ name: String) -> String { name.lowercased().filter(\.isLetter) }

    /// The ids of the 48 base classes of COCO.
    package static let coco48: [Int64] = [
        1, 2, 3, 4, 7, 8, 9, 15, 16, 19, 20, 23, 24, 25, 27, 31, 33, 34, 35, 38, 42, 44, 48, 50, 51, 52, 53,
        54,
        55, 56, 57, 59, 60, 62, 65, 70, 72, 73, 74, 75, 78, 79, 80, 82, 84, 85, 86, 90,
    ]

    /// The ids of the 17 novel classes of COCO.
    package static let coco17: [Int64] = [5, 6, 17, 18, 21, 22, 28, 32, 36, 41, 47, 49, 61, 63, 76, 81, 87]

    /// The names of COCO's 80 classes, keyed by id.
    package static let cocoNames: [Int64: String] = [
        1: "person", 2: "bicycle", 3: "car", 4: "motorcycle", 5: "airplane", 6: "bus", 7: "train", 8: "truck",
        9: "boat", 10: "traffic light", 11: "fire hydrant", 13: "stop sign", 14: "parking meter", 15: "bench",
        16: "bird", 17: "cat", 18: "dog", 19: "horse", 20: "sheep", 21: "cow", 22: "elephant", 23: "bear",
        24: "zebra", 25: "giraffe", 27: "backpack", 28: "umbrella", 31: "handbag", 32: "tie", 33: "suitcase",
        34: "frisbee", 35: "skis", 36: "snowboard", 37: "sports ball", 38: "kite", 39: "baseball bat",
        40: "baseball glove", 41: "skateboard", 42: "surfboard", 43: "tennis racket", 44: "bottle",
        46: "wine glass", 47: "cup", 48: "fork", 49: "knife", 50: "spoon", 51: "bowl", 52: "banana",
        53: "apple",
        54: "sandwich", 55: "orange", 56: "broccoli", 57: "carrot", 58: "hot dog", 59: "pizza", 60: "donut",
        61: "cake", 62: "chair", 63: "couch", 64: "potted plant", 65: "bed", 67: "dining table", 70: "toilet",
        72: "tv", 73: "laptop", 74: "mouse", 75: "remote", 76: "keyboard", 77: "cell phone", 78: "microwave",
        79: "oven", 80: "toaster", 81: "sink", 82: "refrigerator", 84: "book", 85: "clock", 86: "vase",
        87: "scissors", 88: "teddy bear", 89: "hair drier", 90: "toothbrush",
    ]
}
