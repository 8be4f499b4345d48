/// What is drawn for one found object.
public struct Annotation: Sendable, Hashable {
    /// Its box in pixels of the picture.
    public var box: Box?

    /// What is written at the box.
    public var label: String?

    /// Its mask, of the picture's size.
    public var mask: Mask?

    /// Its colour; by the class with ``Palette/color(at:)``.
    public var color: Color

    /// Something to draw.
    public init(box: Box? = nil, label: String? = nil, mask: Mask? = nil, color: Color) {
        self.box = box
        self.label = label
        self.mask = mask
        self.color = color
    }
}

/// Draws boxes, masks and labels on a picture.
public struct Annotator: Sendable, Hashable {
    /// The border of boxes in pixels; nil: by the picture's size.
    public var lineWidth: Int?

    /// The size of letters in pixels; nil: by the picture's size.
    public var fontSize: Int?

    /// How strongly masks tint, 0 to 1.
    public var maskOpacity: Double

    /// How strongly the ground of labels covers, 0 to 1.
    public var labelOpacity: Double

    /// A style of drawing.
    public init(
        lineWidth: Int? = nil, fontSize: Int? = nil, maskOpacity: Double = 0.45, labelOpacity: Double = 0.85
    ) {
        self.lineWidth = lineWidth
        self.fontSize = fontSize
        self.maskOpacity = maskOpacity
        self.labelOpacity = labelOpacity
    }

    /// The picture with everything drawn on it: masks below, boxes above them, labels on top, so that the first
    /// annotation is the uppermost. Nothing leaves the picture; a label that does not fit becomes smaller, then
    /// shorter.
    ///
    /// - Throws: ``ImagingError`` when a mask does not have the picture's size or text cannot be rendered.
    public func draw(_ annotations: [Annotation], on image: Image) throws -> Image {
        var result = image
        try draw(annotations, onto: &result)
        return result
    }

    /// As ``draw(_:on:)``, in place.
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
            // A thin line of the opposite lightness keeps the border visible on a ground of its own colour.
            let outer = Box(x1: box.x1 - 1, y1: box.y1 - 1, x2: box.x2 + 1, y2: box.y2 + 1)
            image.stroke(outer, with: annotation.color.readableForeground, width: 1, opacity: 0.5)
            image.stroke(box, with: annotation.color, width: line)
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
            let place = Self.place(size, at: box.clipped(to: image.size), in: image.size, avoiding: taken)
            taken.append(place)
            labels.append((annotation, text, place))
        }
        for (annotation, text, place) in labels.reversed() {
            image.fill(place, with: annotation.color, opacity: labelOpacity)
            let margin = (Int(place.width) - text.width) / 2
            image.draw(text, x: Int(place.x1) + margin, y: Int(place.y1) + margin)
        }
    }

    /// The place of a label: above its box, else inside at the top, below, or inside at the bottom; the first
    /// of these that is in the picture and free, else the first that is in the picture.
    private static func place(
        _ size: ImageSize, at box: Box, in image: ImageSize, avoiding taken: [Box]
    ) -> Box {
        let (width, height) = (Double(size.width), Double(size.height))
        let x = min(max(box.x1.rounded(), 0), Double(image.width) - width)
        let tops = [box.y1 - height, box.y1, box.y2, box.y2 - height].map { $0.rounded() }
        let places = tops.filter { $0 >= 0 && $0 + height <= Double(image.height) }
            .map { Box(x1: x, y1: $0, x2: x + width, y2: $0 + height) }
        let free = places.first { place in
            !taken.contains { place.x1 < $0.x2 && $0.x1 < place.x2 && place.y1 < $0.y2 && $0.y1 < place.y2 }
        }
        return free ?? places.first ?? Box(x1: x, y1: 0, x2: x + width, y2: height)
    }
}
