/// The drawing of one detected object.
public struct Annotation: Sendable, Hashable {
    /// Its box in pixels of the picture.
    public var box: Box?

    /// The text at the box.
    public var label: String?

    /// Its mask, of the picture's size.
    public var mask: Mask?

    /// Its colour; use ``Palette/color(at:)`` for the colour of a class.
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
    /// annotation is topmost. Nothing is drawn outside the picture; a label that does not fit is made smaller, then
    /// shortened.
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
            // A thin line of the opposite lightness keeps the border visible on a background of its own colour.
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

    /// The position of a label: above its box, else inside at the top, below, or inside at the bottom; the first of
    /// these that is inside the picture and free, else the first that is inside the picture.
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
