import Foundation

/// Lists of classes that are known by name: names and ids, no data.
public enum ClassList: String, Sendable, Hashable, CaseIterable {
    /// The 80 classes of COCO (Lin et al., 2014; cocodataset.org).
    case coco
    /// The 1,203 classes of LVIS version 1 (Gupta et al., 2019; lvisdataset.org).
    case lvis
    /// The 365 classes of Objects365 version 2 (Shao et al., 2019; objects365.org).
    case objects365
    /// The 601 boxable classes of Open Images version 7 (Kuznetsova et al., 2020; storage.googleapis.com/openimages).
    case openImages = "openimages"

    /// The data set and its version.
    public var title: String {
        switch self {
        case .coco: "COCO"
        case .lvis: "LVIS v1"
        case .objects365: "Objects365 v2"
        case .openImages: "Open Images V7, boxable classes"
        }
    }

    /// Where the data set is published.
    public var address: String {
        switch self {
        case .coco: "https://cocodataset.org"
        case .lvis: "https://www.lvisdataset.org"
        case .objects365: "https://www.objects365.org"
        case .openImages: "https://storage.googleapis.com/openimages/web/index.html"
        }
    }

    /// The license under which the data set's makers publish its annotations, of which the names are a part.
    public var license: String {
        switch self {
        case .coco: "annotations: CC BY 4.0 (COCO Consortium)"
        case .lvis: "annotations: CC BY 4.0 (LVIS's authors), besides COCO's terms"
        case .objects365:
            "annotations: CC BY 4.0 (Objects365 Consortium), whose page offers the data set for academic purposes"
        case .openImages: "annotations: CC BY 4.0 (Google LLC)"
        }
    }

    /// Data set, address and license in a line.
    public var source: String { "\(title), \(address); \(license)" }

    /// The names, as the data set spells them.
    public var names: [String] {
        let text =
            switch self {
            case .coco: Self.cocoNames
            case .lvis: Self.lvisNames
            case .objects365: Self.objects365Names
            case .openImages: Self.openImagesNames
            }
        return text.split(separator: "|").map {
            $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
    }

    /// The classes, with the ids of the data set's categories; Open Images, whose ids are no numbers, has those of their order
    /// in its class description file, from 1.
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
        case .openImages: return Array(1...601)
        }
    }
}
