import ArgumentParser
import CLIP
import COCO
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support

/// A box on the command line: `10,20,80,60` (x, y, width, height in pixels of the upright picture), with `@2` after it a
/// weight, and `a.jpg:` before it its picture.
struct BoxArgument: ExpressibleByArgument, Equatable {
    var picture: String?
    var box: Imaging.Box
    var weight = 1.0

    init?(argument: String) {
        var rest = argument[...]
        if let colon = rest.lastIndex(of: ":") {
            picture = String(rest[..<colon])
            rest = rest[rest.index(after: colon)...]
        }
        if let at = rest.firstIndex(of: "@") {
            guard let number = Double(rest[rest.index(after: at)...]), number > 0, number.isFinite else {
                return nil
            }
            weight = number
            rest = rest[..<at]
        }
        let numbers = rest.split(separator: ",", omittingEmptySubsequences: false)
            .map { Double($0.trimmingCharacters(in: .whitespaces)) }
        let values = numbers.compactMap { $0 }
        guard numbers.count == 4, values.count == 4, values.allSatisfy(\.isFinite), values[2] > 0,
            values[3] > 0, picture != ""
        else { return nil }
        box = Imaging.Box(x1: values[0], y1: values[1], x2: values[0] + values[2], y2: values[1] + values[3])
    }
}

/// Boxes that show classes, given by options or by an annotation file.
struct ExampleArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("A picture with examples; may be repeated.", valueName: "picture"),
        completion: .file())
    var image: [String] = []

    @Option(
        help: ArgumentHelp(
            "x,y,width,height of an example, in the only --image, or in that of the same position; PICTURE: before it "
                + "names the picture, @2 after it is a weight. May be repeated.",
            valueName: "box"))
    var box: [BoxArgument] = []

    @Option(help: "What the boxes show: the name of the class.")
    var name: String?

    @Option(
        help: ArgumentHelp(
            "A box of what is not the class, in the form of --box; may be repeated.", valueName: "box"))
    var negative: [BoxArgument] = []

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Boxes of many classes: an annotation file (COCO), whose pictures are in --images.",
            valueName: "file"), completion: .file())
    var annotations: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The folder of the annotations' pictures.", valueName: "folder"),
        completion: .directory)
    var images: String?

    @Option(
        help: ArgumentHelp(
            "Boxes of one class of the annotations are negatives of another: \"mug=cup, bottle\"; may be repeated.",
            valueName: "class=others"))
    var contrast: [String] = []

    func validate() throws {
        if annotations == nil {
            if image.isEmpty || box.isEmpty || name == nil {
                throw ValidationError("pass --image, --box and --name, or --annotations and --images")
            }
            if images != nil { throw ValidationError("--images is the folder of --annotations") }
            if !contrast.isEmpty {
                throw ValidationError("--contrast is for --annotations; pass boxes by --negative")
            }
            _ = try given()
        } else {
            if images == nil {
                throw ValidationError("--annotations needs --images, the folder of the pictures")
            }
            if !image.isEmpty || !box.isEmpty || !negative.isEmpty || name != nil {
                throw ValidationError(
                    "--annotations and --image, --box, --negative, --name are mutually exclusive")
            }
            _ = try confusions()
        }
    }

    /// What is read.
    var inputs: [String?] { image + [annotations, images] }

    /// The boxes of each picture, in the order of the pictures.
    func boxes() throws -> [(picture: String, boxes: [ExampleBox])] {
        guard let annotations, let images else { return try given() }
        return try annotated(Dataset(contentsOf: annotations), PictureFolder(path: images), annotations)
    }

    private func given() throws -> [(picture: String, boxes: [ExampleBox])] {
        guard let name else { return [] }
        var boxes: [String: [ExampleBox]] = [:]
        var order = image
        func add(_ all: [BoxArgument], _ option: String, isNegative: Bool) throws {
            if image.count > 1, all.count != image.count, all.contains(where: { $0.picture == nil }) {
                throw ValidationError(
                    "\(option): \(all.count) boxes for \(image.count) pictures; write PICTURE:x,y,width,height"
                )
            }
            for (place, box) in all.enumerated() {
                let picture = box.picture ?? (image.count == 1 ? image[0] : image[place])
                if !order.contains(picture) { order.append(picture) }
                boxes[picture, default: []].append(
                    ExampleBox(className: name, box: box.box, weight: box.weight, isNegative: isNegative))
            }
        }
        try add(box, "--box", isNegative: false)
        try add(negative, "--negative", isNegative: true)
        return order.compactMap { picture in boxes[picture].map { (picture, $0) } }
    }

    /// The classes whose boxes are negatives of others, by the form of their names.
    private func confusions() throws -> [String: [String]] {
        var result: [String: [String]] = [:]
        for pair in contrast {
            let parts = pair.split(separator: "=", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                throw ValidationError("--contrast: '\(pair)' is not of the form class=others")
            }
            for other in parts[1].split(separator: ",") {
                result[ClassNames.form(String(other)), default: []].append(parts[0])
            }
        }
        return result
    }

    private func annotated(_ data: Dataset, _ folder: PictureFolder, _ path: String) throws
        -> [(picture: String, boxes: [ExampleBox])]
    {
        let confusions = try confusions()
        let names = Dictionary(
            data.categories.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        let forms = Set(names.values.map(ClassNames.form))
        for name in confusions.keys.sorted() + confusions.values.joined()
        where !forms.contains(ClassNames.form(name)) {
            throw CLIPError(path, reason: "has no class '\(name)', which --contrast names")
        }
        var boxes: [Int64: [ExampleBox]] = [:]
        for row in 0..<data.annotations.count {
            let record = data.annotations[row]
            guard !record.isCrowd, let box = record.box, let name = names[record.categoryID] else { continue }
            let corners = Imaging.Box(
                x1: box.x, y1: box.y, x2: box.x + box.width, y2: box.y + box.height)
            boxes[record.imageID, default: []].append(ExampleBox(className: name, box: corners))
            for other in confusions[ClassNames.form(name)] ?? [] {
                boxes[record.imageID, default: []].append(
                    ExampleBox(className: other, box: corners, isNegative: true))
            }
        }
        return try (0..<data.images.count).compactMap { row in
            let record = data.images[row]
            guard let found = boxes[record.id] else { return nil }
            guard let place = folder.location(of: record) else {
                throw CLIPError(path, reason: "image \(record.id) does not name a file")
            }
            return (place, found)
        }
    }
}
