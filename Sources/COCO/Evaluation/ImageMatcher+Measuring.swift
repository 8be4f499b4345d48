/// Areas and overlaps of the detections and annotations of one image and class.
extension ImageMatcher {
    mutating func measureDetections(_ image: Int, _ detections: Range<Int>, needsOverlap: Bool) throws {
        let table = problem.detections
        detectionAreas.removeAll(keepingCapacity: true)
        detectionMasks.removeAll(keepingCapacity: true)
        let needsMasks = problem.options.geometry == .mask && (needsOverlap || !takesBoxAreas)
        for place in detections {
            let row = Int(problem.detectionRows[place])
            if needsMasks || (problem.options.geometry == .box && !table.hasBox[row]) || takesMaskAreas {
                let entry = try mask(ofDetection: row, image, bounds: needsOverlap)
                detectionMasks.append(entry)
                detectionAreas.append(
                    takesBoxAreas
                        ? (table.hasBox[row] ? table.boxes[row] : BoundingBox(entry.bounds)).area
                        : Double(entry.area)
                )
            } else {
                detectionAreas.append(table.boxes[row].area)
                if problem.options.geometry == .box { detectionMasks.append(MaskArena.Entry()) }
            }
        }
    }

    private mutating func mask(ofDetection row: Int, _ image: Int, bounds: Bool) throws -> MaskArena.Entry {
        let table = problem.detections
        let images = problem.truth.images
        let imageRow = problem.imageRows[image]
        do {
            return try arena.add(
                table.segmentations, row, height: Int(images.heights[imageRow]),
                width: Int(images.widths[imageRow]),
                bounds: bounds || problem.options.geometry == .box)
        } catch let error as COCOError {
            throw error.about("detection at index \(row) (image \(table.imageIDs[row]))")
        }
    }

    mutating func measureTruth(_ image: Int, _ truth: Range<Int>) throws {
        let table = problem.truth.annotations
        let images = problem.truth.images
        let imageRow = problem.imageRows[image]
        truthMasks.removeAll(keepingCapacity: true)
        truthBoxes.removeAll(keepingCapacity: true)
        isCrowd.removeAll(keepingCapacity: true)
        isIgnored.removeAll(keepingCapacity: true)
        for place in truth {
            let row = Int(problem.annotationRows[place])
            let flags = table.flags[row]
            // LVIS has no crowds, and COCO's tools use iscrowd alone.
            let crowd = problem.options.rules != .lvis && flags.contains(.isCrowd)
            isCrowd.append(crowd)
            isIgnored.append(problem.options.rules == .lvis ? flags.contains(.isIgnored) : crowd)
            if problem.options.geometry == .box {
                truthBoxes.append(table.boxes[row])
            } else {
                do {
                    truthMasks.append(
                        try arena.add(
                            table.segmentations, row, height: Int(images.heights[imageRow]),
                            width: Int(images.widths[imageRow]), bounds: true))
                } catch let error as COCOError {
                    throw error.about("annotation \(table.ids[row])")
                }
            }
        }
    }

    mutating func measureOverlaps(_ detections: Range<Int>, _ truth: Range<Int>) throws {
        let table = problem.detections
        overlaps.removeAll(keepingCapacity: true)
        greatestOverlaps.removeAll(keepingCapacity: true)
        for (index, place) in detections.enumerated() {
            let row = Int(problem.detectionRows[place])
            var greatest = 0.0
            for other in 0..<truth.count {
                let overlap: Double
                if problem.options.geometry == .box {
                    let box = table.hasBox[row] ? table.boxes[row] : BoundingBox(detectionMasks[index].bounds)
                    overlap = box.overlap(with: truthBoxes[other], isCrowd: isCrowd[other])
                } else {
                    overlap = try maskOverlap(index, other, row: row)
                }
                overlaps.append(overlap)
                greatest = max(greatest, overlap)
            }
            greatestOverlaps.append(greatest)
        }
    }

    private func maskOverlap(_ index: Int, _ other: Int, row: Int) throws -> Double {
        let (a, b) = (detectionMasks[index], truthMasks[other])
        let common: Int
        do {
            common = try arena.intersection(a, b)
        } catch let error as COCOError {
            throw COCOError(
                error.reason
                    + "; were the masks made for the picture as it is stored or as it is shown (EXIF orientation)?",
                subject: "detection at index \(row) (image \(problem.detections.imageIDs[row]))")
        }
        guard common > 0 else { return 0 }
        return Double(common) / Double(isCrowd[other] ? a.area : a.area + b.area - common)
    }
}
