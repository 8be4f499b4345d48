import COCO
import FVLM
import Imaging

extension DetectorEvaluator {
    /// What can be compared between the annotations and the detections.
    public struct Measurement: Sendable {
        /// Boxes, and masks where both sides have them.
        public let geometries: [EvaluationOptions.Geometry]

        /// One sentence for each thing that is not measured.
        public let notes: [String]
    }

    /// What can be measured: boxes, and masks if all annotations of the scored classes have one.
    public func measurement(of found: Detections) -> Measurement {
        var notes: [String] = []
        if let first = found.faults.first {
            notes.append(
                "\(found.faults.count) of \(truth.images.count) pictures could not be used and are not measured (the first: \(first.error))"
            )
        }
        notes += gaps.notes
        guard found.includesMasks else { return Measurement(geometries: [.box], notes: notes) }
        let (scored, unused) = (Set(categoryIDs), unmeasured(found, .mask))
        let annotations = truth.annotations
        guard truth.images.ids.contains(where: { !unused.contains($0) }) else {
            return Measurement(geometries: [.box], notes: notes)
        }
        let rows = (0..<annotations.count).filter {
            scored.contains(annotations.categoryIDs[$0]) && !unused.contains(annotations.imageIDs[$0])
        }
        let bare = rows.filter { annotations.segmentations.kind($0) == .none }
        guard let first = bare.first else { return Measurement(geometries: [.box, .mask], notes: notes) }
        notes.append(
            bare.count == rows.count
                ? "the annotations have no masks: only boxes are measured"
                : "\(bare.count) of \(rows.count) annotations have no mask (the first: annotation \(annotations.ids[first])): only boxes are measured"
        )
        return Measurement(geometries: [.box], notes: notes)
    }

    /// The ids of images that are measured: those that could be used, with annotations that could be read.
    package func measuredImageIDs(_ found: Detections, _ geometry: EvaluationOptions.Geometry) -> [Int64] {
        let unused = unmeasured(found, geometry)
        return truth.images.ids.filter { !unused.contains($0) }
    }

    /// The ids of images that are not measured.
    private func unmeasured(_ found: Detections, _ geometry: EvaluationOptions.Geometry) -> Set<Int64> {
        gaps.images.union(geometry == .mask ? gaps.maskImages : []).union(found.faults.map(\.imageID))
    }

    /// COCO's evaluation of boxes or masks over the usable pictures.
    /// - Parameters:
    ///   - found: The detections of all pictures.
    ///   - geometry: Whether boxes or masks are compared.
    ///   - categoryIDs: The classes to score; nil scores all classes of the annotations.
    /// - Throws: `COCOError`; the error of the first picture if none is usable.
    public func evaluation(
        of found: Detections, _ geometry: EvaluationOptions.Geometry, categoryIDs: [Int64]?
    ) throws -> Evaluation {
        var settings = EvaluationOptions.coco(geometry)
        settings.categoryIDs = categoryIDs
        let used = measuredImageIDs(found, geometry)
        if used.count < truth.images.count {
            if used.isEmpty {
                throw found.faults.first?.error
                    ?? EvaluationError("annotations", gaps.notes.first ?? "cannot be read")
            }
            settings.imageIDs = used
        }
        return try Evaluation(truth: truth, detections: found.table, options: settings)
    }

    /// Makes sure that nothing would be refused after detection.
    /// - Throws: As ``evaluation(of:_:categoryIDs:)``.
    package func check(masks: Bool) throws {
        let nothing = Detections(includesMasks: masks)
        for geometry in measurement(of: nothing).geometries {
            _ = try evaluation(of: nothing, geometry, categoryIDs: categoryIDs)
        }
    }

    /// Figures, classes, curves and pictures.
    /// - Throws: As ``evaluation(of:_:categoryIDs:)``.
    public func report(_ found: Detections) throws -> EvaluationReport {
        let measurement = measurement(of: found)
        var report = EvaluationReport(metrics: [], pictures: found.pictures, notes: measurement.notes)
        for geometry in measurement.geometries {
            let evaluation = try evaluation(of: found, geometry, categoryIDs: categoryIDs)
            let name = geometry == .box ? "bbox" : "segm"
            for part in evaluation.parts(splits) {
                let prefix = part.name == "all" ? name : "\(name)/\(part.name)"
                for figure in evaluation.figures(classes: part.classes).prefix(3) {
                    report.metrics.append(NamedValue("\(prefix)/\(figure.name)", figure.value))
                }
                // The first IoU threshold of COCO's rules is 0.5.
                let decisions = evaluation.decisions(iouThreshold: 0, classes: part.classes)
                report.curves.append(
                    PrecisionRecallCurve(
                        name: "\(prefix)/IoU50", scores: decisions.scores,
                        areCorrect: decisions.areCorrect, objectCount: decisions.objectCount))
            }
            if geometry == .box { report.classes = classes(evaluation) }
        }
        return report
    }

    private func classes(_ evaluation: Evaluation) -> [EvaluationReport.ClassResult] {
        evaluation.categories.enumerated().map { index, category in
            let group = splits.first { $0.categoryIDs.contains(category.id) }?.name ?? ""
            return EvaluationReport.ClassResult(
                name: category.name, group: group,
                values: [
                    NamedValue("AP", evaluation.averagePrecision(classes: [index]) ?? -1),
                    NamedValue(
                        "AP50", evaluation.averagePrecision(iouThreshold: 0.5, classes: [index]) ?? -1),
                ])
        }
    }
}

extension DetectorEvaluator {
    /// The lowest score of a detection that is drawn.
    private static var drawnScore: Float { 0.3 }

    /// Ground truth and predictions side by side.
    func picture(
        _ record: ImageRecord, _ image: Image, _ found: [FVLM.Detection]
    ) throws -> EvaluationReport.Picture {
        let predicted = try Annotator().draw(
            found.filter { $0.score >= Self.drawnScore }, on: image)
        let names = truth.categories.namesByID
        let measured = Set(categoryIDs)
        var marks: [Imaging.Annotation] = []
        for row in 0..<truth.annotations.count where truth.annotations.imageIDs[row] == record.id {
            let id = truth.annotations.categoryIDs[row]
            guard measured.contains(id), let box = truth.annotations[row].box else { continue }
            marks.append(
                Imaging.Annotation(
                    box: Imaging.Box(x1: box.x, y1: box.y, x2: box.x + box.width, y2: box.y + box.height),
                    label: names[id], color: Palette.color(of: names[id] ?? "")))
        }
        let joined = try Annotator().draw(marks, on: image).beside(predicted)
        return EvaluationReport.Picture(
            name: record.path, width: joined.width, height: joined.height,
            png: try joined.encoded(as: .png()))
    }
}

extension Image {
    /// This picture on the left, `other`, of the same height, on the right.
    fileprivate func beside(_ other: Image) throws -> Image {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pixels.count + other.pixels.count)
        for y in 0..<min(height, other.height) {
            bytes.append(contentsOf: pixels[y * width * 3..<(y + 1) * width * 3])
            bytes.append(contentsOf: other.pixels[y * other.width * 3..<(y + 1) * other.width * 3])
        }
        return try Image(width: width + other.width, height: min(height, other.height), pixels: bytes)
    }
}
