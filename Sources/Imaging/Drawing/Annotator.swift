/// The drawing of one detected object.
public struct Annotation: Sendable, Hashable {
    /// Its box in pixels of the picture.
    public var box: Box?

    /// The text at the box.
    public var label: String?

    /// Its mask, of the picture's size.
    public var mask: Mask?

    /// Its color; use ``Palette/color(of:)`` for the color of a class.
    public var color: Color

    /// Creates an annotation.
    public init(box: Box? = nil, label: String? = nil, mask: Mask? = nil, color: Color) {
        self.box = box
        self.label = label
        self.mask = mask
        self.color = color
    }
}

/// Draws boxes, masks and labels on a picture.
///
/// ```swift
/// let annotation = Annotation(box: box, label: "dog", color: Palette.color(of: "dog"))
/// try Annotator().draw([annotation], on: image).write(to: "found.jpg")
/// ```
public struct Annotator: Sendable, Hashable {
    /// The width of box borders in pixels; nil chooses it by the picture's size.
    public var lineWidth: Int?

    /// The height of letters in pixels; nil chooses it by the picture's size.
    public var fontSize: Int?

    /// The opacity of masks, 0 to 1.
    public var maskOpacity: Double

    /// The opacity of the background of labels, 0 to 1.
    public var labelOpacity: Double

    /// Creates an annotator.
    public init(
        lineWidth: Int? = nil, fontSize: Int? = nil, maskOpacity: Double = 0.45, labelOpacity: Double = 0.85
    ) {
        self.lineWidth = lineWidth
        self.fontSize = fontSize
        self.maskOpacity = maskOpacity
        self.labelOpacity = labelOpacity
    }

    /// Returns the picture with everything drawn on it: masks at the bottom, boxes above them, labels on top; the first
    /// annotation is topmost. Labels stand where they cover no other label and no small object, if there is such a place.
    /// Nothing is drawn outside the picture; a label that does not fit is made smaller, then shortened.
    ///
    /// - Throws: ``ImagingError`` if a mask does not have the picture's size or text cannot be rendered.
    public func draw(_ annotations: [Annotation], on image: Image) throws -> Image {
        var result = image
        try draw(annotations, onto: &result)
        return result
    }

    /// In-place variant of ``draw(_:on:)``.
    public func draw(_ annotations: [Annotation], onto image: inout Image) throws {
        let shortest = image.size.shortestSide
        let line = lineWidth ?? min(max(shortest / 200, shortest < 100 ? 1 : 2), 12)
        let font = min(max(fontSize ?? min(max(shortest / 32, 11), 48), 4), 400)
        for annotation in annotations.reversed() {
            if let mask = annotation.mask {
                try image.blend(mask, with: annotation.color, opacity: maskOpacity)
            }
        }
        for annotation in annotations.reversed() {
            guard let box = annotation.box else { continue }
            // A thin line of the opposite lightness keeps the border visible on a background of its own color.
            let outer = Box(x1: box.x1 - 1, y1: box.y1 - 1, x2: box.x2 + 1, y2: box.y2 + 1)
            image.stroke(outer, with: annotation.color.readableForeground, width: 1, opacity: 0.5)
            image.stroke(box, with: annotation.color, width: line)
        }
        let boxes = annotations.compactMap { $0.box?.clipped(to: image.size) }.filter {
            $0.width > 0 && $0.height > 0
        }
        var taken: [Box] = []
        var labels: [(annotation: Annotation, text: RenderedText, place: Box)] = []
        for annotation in annotations {
            guard let box = annotation.box, let label = annotation.label, !label.isEmpty else { continue }
            let padding = max(1, font / 6)
            let room = ImageSize(width: image.width - 2 * padding, height: image.height - 2 * padding)
            guard
                let text = try RenderedText.fitting(
                    label, size: font, color: annotation.color.readableForeground, into: room)
            else { continue }
            let size = ImageSize(width: text.width + 2 * padding, height: text.height + 2 * padding)
            let small = boxes.filter { $0.width * $0.height <= 4 * Double(size.width * size.height) }
            let place = Self.place(
                size, at: box.clipped(to: image.size), in: image.size, avoiding: taken, small)
            taken.append(place)
            labels.append((annotation, text, place))
        }
        for (annotation, text, place) in labels.reversed() {
            image.fill(place, with: annotation.color, opacity: labelOpacity)
            let margin = (Int(place.width) - text.width) / 2
            image.draw(text, x: Int(place.x1) + margin, y: Int(place.y1) + margin)
        }
    }

    /// The position of a label: the first of the places around its box that covers the least of other labels, then of small
    /// objects. Above the box comes first, then inside at the top, below, inside at the bottom, each from the left, the right and
    /// the middle, then beside it, then further away.
    private static func place(
        _ size: ImageSize, at box: Box, in image: ImageSize, avoiding taken: [Box], _ small: [Box]
    ) -> Box {
        let (width, height) = (Double(size.width), Double(size.height))
        let area = width * height
        func place(_ x: Double, _ y: Double) -> Box {
            let x = min(max(x.rounded(), 0), Double(image.width) - width)
            return Box(x1: x, y1: y.rounded(), x2: x + width, y2: y.rounded() + height)
        }
        let columns = [box.x1, box.x2 - width, (box.x1 + box.x2 - width) / 2]
        var places = columns.flatMap { x in
            [box.y1 - height, box.y1, box.y2, box.y2 - height].map { place(x, $0) }
        }
        places += [place(box.x2, box.y1), place(box.x1 - width, box.y1)]
        for ring in 2...8 {
            let (rise, side) = (Double(ring) * height, Double(ring - 1) * width / 2)
            for x in columns + [box.x2 + side, box.x1 - width - side] {
                places += [place(x, box.y1 - rise), place(x, box.y2 + rise - height), place(x, box.y1)]
            }
        }
        var best: (place: Box, labels: Double, objects: Double)?
        for place in places where place.y1 >= 0 && place.y2 <= Double(image.height) {
            let labels = taken.reduce(0) { $0 + place.overlap(with: $1) } / area
            if let best, labels > best.labels { continue }
            let objects = small.reduce(0) { $0 + place.overlap(with: $1) / min($1.width * $1.height, area) }
            if labels == 0, objects == 0 { return place }
            if best.map({ (labels, objects) < ($0.labels, $0.objects) }) ?? true {
                best = (place, labels, objects)
            }
        }
        return best?.place ?? place(box.x1, 0)
    }
}

extension Box {
    /// The area that two boxes share.
    fileprivate func overlap(with other: Box) -> Double {
        max(0, min(x2, other.x2) - max(x1, other.x1)) * max(0, min(y2, other.y2) - max(y1, other.y1))
    }
}
