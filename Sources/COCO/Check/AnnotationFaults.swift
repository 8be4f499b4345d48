/// The faults of one annotation, one bit per code.
struct AnnotationFaults: OptionSet, Sendable {
    let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The codes in the order of their bits.
    static let codes: [DatasetFinding.Code] = [
        .boxMissing, .boxNotFinite, .boxEmpty, .boxOutside, .boxBeyondEdge, .polygonNotFinite,
        .polygonOddCount, .polygonTooShort, .polygonBeyondEdge, .maskBroken, .maskSizeDiffers, .maskEmpty,
        .crowdWithoutRunLengths, .areaMissing, .areaDisagrees, .boxDisagrees, .areaNotFinite,
    ]

    /// Adds a fault whose code is among ``codes``.
    mutating func insert(_ code: DatasetFinding.Code) {
        guard let bit = Self.codes.firstIndex(of: code) else { return }
        insert(AnnotationFaults(rawValue: 1 << UInt32(bit)))
    }

    /// Whether the set contains the fault with the code at an index of ``codes``.
    func has(_ bit: Int) -> Bool { rawValue >> UInt32(bit) & 1 != 0 }
}

/// Examines the individual annotations of a data set.
struct AnnotationExaminer {
    let dataset: Dataset
    let imageIndex: IDIndex

    /// How far a box or polygon may extend beyond its image, in pixels: annotation tools round outwards.
    private static let edgeTolerance = 1.0

    init(_ dataset: Dataset) {
        self.dataset = dataset
        imageIndex = IDIndex(dataset.images.ids)
    }

    /// The stated size of an annotation's image; nil if it is unknown.
    func size(_ row: Int) -> (width: Double, height: Double)? {
        guard let image = imageIndex[dataset.annotations.imageIDs[row]], dataset.images.widths[image] > 0,
            dataset.images.heights[image] > 0
        else { return nil }
        return (Double(dataset.images.widths[image]), Double(dataset.images.heights[image]))
    }

    /// The faults of an annotation.
    func faults(_ row: Int) -> AnnotationFaults {
        var faults: AnnotationFaults = []
        let annotations = dataset.annotations
        let size = size(row)
        let box = annotations.flags[row].contains(.hasBox) ? annotations.boxes[row] : nil
        if let box { examine(box, size, &faults) } else { faults.insert(.boxMissing) }
        if !annotations.flags[row].contains(.hasArea) { faults.insert(.areaMissing) }
        let column = annotations.segmentations
        switch column.kind(row) {
        case .none: break
        case .polygons:
            if annotations.flags[row].contains(.isCrowd) { faults.insert(.crowdWithoutRunLengths) }
            examinePolygons(row, size, &faults)
        case .runLengths, .compressedRunLengths:
            if let size, let mask = column.size(row),
                Double(mask.height) != size.height || Double(mask.width) != size.width
            {
                faults.insert(.maskSizeDiffers)
            }
        }
        compareMask(row, size, box, &faults)
        return faults
    }

    private func examine(
        _ box: BoundingBox, _ size: (width: Double, height: Double)?, _ faults: inout AnnotationFaults
    ) {
        guard box.isFinite else {
            faults.insert(.boxNotFinite)
            return
        }
        if box.width <= 0 || box.height <= 0 { faults.insert(.boxEmpty) }
        guard let size else { return }
        let (right, bottom) = (box.x + max(0, box.width), box.y + max(0, box.height))
        if box.x >= size.width || box.y >= size.height || right <= 0 || bottom <= 0 {
            faults.insert(.boxOutside)
        } else if box.x < -Self.edgeTolerance || box.y < -Self.edgeTolerance
            || right > size.width + Self.edgeTolerance || bottom > size.height + Self.edgeTolerance
        {
            faults.insert(.boxBeyondEdge)
        }
    }

    private func examinePolygons(
        _ row: Int, _ size: (width: Double, height: Double)?, _ faults: inout AnnotationFaults
    ) {
        let column = dataset.annotations.segmentations
        for ring in 0..<column.ringCount(row) {
            let range = column.ring(ring, ofRow: row)
            if !range.count.isMultiple(of: 2) { faults.insert(.polygonOddCount) }
            if range.count < 6 { faults.insert(.polygonTooShort) }
            for place in range {
                let value = column.coordinates[place]
                guard value.isFinite else {
                    faults.insert(.polygonNotFinite)
                    break
                }
                guard let size else { continue }
                let limit = (place - range.lowerBound).isMultiple(of: 2) ? size.width : size.height
                if value < -Self.edgeTolerance || value > limit + Self.edgeTolerance {
                    faults.insert(.polygonBeyondEdge)
                }
            }
        }
    }

    /// Compares the mask with the stated area and box.
    private func compareMask(
        _ row: Int, _ size: (width: Double, height: Double)?, _ box: BoundingBox?,
        _ faults: inout AnnotationFaults
    ) {
        let annotations = dataset.annotations
        var area = annotations.flags[row].contains(.hasArea) ? annotations.areas[row] : nil
        if area?.isFinite == false {
            faults.insert(.areaNotFinite)
            area = nil
        }
        guard annotations.segmentations.kind(row) != .none else {
            if let area, let box, box.isFinite, !(area <= box.area * 1.05 + 1), box.area > 0 {
                faults.insert(.areaDisagrees)
            }
            if let area, !(area > 0) { faults.insert(.areaDisagrees) }
            return
        }
        let broken: [DatasetFinding.Code] = [.polygonNotFinite, .polygonOddCount, .polygonTooShort]
        guard broken.allSatisfy({ !faults.contains(AnnotationFaults($0)) }) else { return }
        guard let shape = shape(row, size, &faults) else { return }
        guard shape.area > 0 else {
            faults.insert(.maskEmpty)
            return
        }
        if let area, !shape.agrees(area: area) { faults.insert(.areaDisagrees) }
        if let box, box.isFinite, box.width > 0, box.height > 0, !shape.agrees(box: box, in: size) {
            faults.insert(.boxDisagrees)
        }
    }

    /// The shape of a mask; nil if it cannot be rasterized, which is recorded as a fault unless only the image's size
    /// is missing.
    func shape(
        _ row: Int, _ size: (width: Double, height: Double)?, _ faults: inout AnnotationFaults
    ) -> MaskShape? {
        let column = dataset.annotations.segmentations
        let isPolygon = column.kind(row) == .polygons
        guard let segmentation = column[row], size != nil || !isPolygon else { return nil }
        do {
            return MaskShape(
                try RunLengthMask(
                    segmentation, height: Int(size?.height ?? 0), width: Int(size?.width ?? 0)),
                segmentation)
        } catch {
            faults.insert(.maskBroken)
            return nil
        }
    }
}

extension AnnotationFaults {
    fileprivate init(_ code: DatasetFinding.Code) {
        self = []
        insert(code)
    }
}

/// A mask's area and box, to compare with the stated ones.
struct MaskShape {
    /// The number of pixels.
    let area: Double

    /// The area inside the outline of polygons, regardless of pixels; equal to ``area`` for run lengths.
    let outlineArea: Double

    /// The box around the outline of polygons, or around the pixels of run lengths.
    let box: BoundingBox

    init(_ mask: RunLengthMask, _ segmentation: Segmentation) {
        area = Double(mask.area)
        guard case .polygons(let rings) = segmentation else {
            (outlineArea, box) = (area, mask.box)
            return
        }
        outlineArea = rings.reduce(0) { $0 + Self.area(of: $1) }
        box = BoundingBox(around: rings) ?? mask.box
    }

    /// The area inside a ring, by the shoelace formula.
    private static func area(of ring: [Double]) -> Double {
        let points = ring.count / 2
        var twice = 0.0
        for point in 0..<points {
            let next = (point + 1) % points
            twice += ring[2 * point] * ring[2 * next + 1] - ring[2 * next] * ring[2 * point + 1]
        }
        return twice.magnitude / 2
    }

    /// Whether a stated area approximately matches the area of the pixels or of the outline.
    func agrees(area stated: Double) -> Bool {
        // Both ways of counting are in use; they differ by about half the length of the outline. NaN never matches.
        (stated - area).magnitude <= 1 + 0.05 * area
            || (stated - outlineArea).magnitude <= 1 + 0.01 * outlineArea
    }

    /// Whether a stated box matches the mask's, within two pixels and a hundredth of its extent. Both are clipped to
    /// the image first, because some tools clip boxes but not masks.
    func agrees(box stated: BoundingBox, in size: (width: Double, height: Double)?) -> Bool {
        let (own, stated) = (box.clipped(to: size), stated.clipped(to: size))
        let across = 2 + 0.01 * max(own.width, stated.width)
        let down = 2 + 0.01 * max(own.height, stated.height)
        return (own.x - stated.x).magnitude <= across
            && (own.x + own.width - stated.x - stated.width).magnitude <= across
            && (own.y - stated.y).magnitude <= down
            && (own.y + own.height - stated.y - stated.height).magnitude <= down
    }
}
