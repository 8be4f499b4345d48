import Foundation

/// Lists of classes that are known by name: names and ids, no data.
public enum ClassList: String, Sendable, Hashable, CaseIterable {
    /// The 80 classes of COCO (Lin et al., 2014; cocodataset.org).
    case coco
    /// The 1,203 classes of LVIS version 1 (Gupta et al., 2019; lvisdataset.org).
    case lvis
    /// The 365 classes of Objects365 version 2 (Shao et al., 2019; objects365.org).
    case objects365

    /// Where the names are from, and under which licence the data set's annotations are published.
    public var source: String {
        switch self {
        case .coco: "COCO, cocodataset.org; its annotations are under CC BY 4.0"
        case .lvis: "LVIS v1, lvisdataset.org; its annotations are under CC BY 4.0"
        case .objects365: "Objects365 v2, objects365.org; its annotations are under CC BY 4.0"
        }
    }

    /// The names, as the data set spells them.
    public var names: [String] {
        let text =
            switch self {
            case .coco: Self.cocoNames
            case .lvis: Self.lvisNames
            case .objects365: Self.objects365Names
            }
        return text.split(separator: "|").map {
            $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
    }

    /// The classes, with the ids of the data set's categories.
    public var classes: [Vocabulary.Class] {
        zip(names, ids).map { Vocabulary.Class($0, categoryID: Int64($1)) }
    }

    private var ids: [Int] {
        switch self {
        case .coco:
            let unused: Set = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
            return (1...90).filter { !unused.contains($0) }
        case .lvis: return Array(1...1203)
        case .objects365: return Array(1...365)
        }
    }
}
