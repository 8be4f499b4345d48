extension Dataset {
    /// The classes of a data set converted from LVIS.
    package enum LVISClasses: String, Sendable, CaseIterable {
        /// The 1,203 classes of LVIS with their ids.
        case lvis
        /// The classes that COCO has too, with COCO's ids and names; others are dropped.
        case coco
    }

    /// Converts the data set to COCO format, whose rules assume that every object of every class is annotated.
    ///
    /// Images without a file name get one from their address; LVIS's lists are dropped. Fields of categories beyond
    /// COCO's are kept, since they do no harm. Scores by COCO's rules will count objects as false positives that LVIS
    /// never annotated.
    ///
    /// - Throws: ``COCOError`` if COCO's classes are requested and categories state no synset.
    package func cocoFromLVIS(
        classes: LVISClasses = .lvis
    ) throws -> (dataset: Dataset, report: ConversionReport) {
        var report = ConversionReport()
        var result = emptied()
        var ids: [Int64: Int64] = [:]
        switch classes {
        case .lvis: for category in categories { ids[category.id] = category.id }
        case .coco: (result.categories, ids) = try cocoCategories(&report)
        }
        for row in 0..<images.count {
            var image = images[row]
            if image.fileName.isEmpty {
                image.fileName = image.path
                if image.path.isEmpty {
                    report.add("images have neither file name nor address", id: image.id)
                }
            }
            report.add(
                "images list categories that are absent from them (neg_category_ids), which is not kept",
                count: image.negativeCategoryIDs?.isEmpty == false ? 1 : 0)
            report.add(
                "images list categories that are not exhaustively annotated (not_exhaustive_category_ids), which "
                    + "is not kept", count: image.notExhaustiveCategoryIDs?.isEmpty == false ? 1 : 0)
            (image.negativeCategoryIDs, image.notExhaustiveCategoryIDs) = (nil, nil)
            result.images.append(image)
        }
        if annotations.categoryIDs.allSatisfy({ ids[$0] == $0 }) {
            // The same table, not a second one: outlines are most of a data set.
            result.annotations = annotations
            return (result, report)
        }
        for row in 0..<annotations.count {
            guard let id = ids[annotations.categoryIDs[row]] else {
                report.add("annotations have categories that are not kept and are dropped", count: 1)
                continue
            }
            if id == annotations.categoryIDs[row] {
                result.annotations.append(row: row, of: annotations)
            } else {
                var annotation = annotations[row]
                annotation.categoryID = id
                result.annotations.append(annotation)
            }
        }
        return (result, report)
    }

    /// COCO's categories that the data set has, and their ids keyed by the data set's own ids.
    private func cocoCategories(
        _ report: inout ConversionReport
    ) throws -> (categories: [Category], ids: [Int64: Int64]) {
        var ids: [Int64: Int64] = [:]
        for category in categories {
            guard let synset = category.synset else {
                throw COCOError(
                    "category \(category.id) (\"\(category.name)\") has no synset, which is needed to match classes of "
                        + "LVIS and COCO")
            }
            if let id = Self.cocoIDs[synset] { ids[category.id] = id }
        }
        report.add("categories are not among COCO's and are dropped", count: categories.count - ids.count)
        let present = Set(ids.values)
        let missing = OpenVocabularySplit.cocoNames.keys.filter { !present.contains($0) }.sorted()
        report.add("categories of COCO are not in the file and are omitted", ids: missing)
        let kept = present.sorted().map {
            Category(id: $0, name: OpenVocabularySplit.cocoNames[$0] ?? "")
        }
        return (kept, ids)
    }

    /// COCO's ids by WordNet synset, as published with LVIS (coco_to_synset.json).
    static let cocoIDs: [String: Int64] = [
        "person.n.01": 1, "bicycle.n.01": 2, "car.n.01": 3, "motorcycle.n.01": 4, "airplane.n.01": 5,
        "bus.n.01": 6, "train.n.01": 7, "truck.n.01": 8, "boat.n.01": 9, "traffic_light.n.01": 10,
        "fireplug.n.01": 11, "stop_sign.n.01": 13, "parking_meter.n.01": 14, "bench.n.01": 15,
        "bird.n.01": 16, "cat.n.01": 17, "dog.n.01": 18, "horse.n.01": 19, "sheep.n.01": 20,
        "beef.n.01": 21, "elephant.n.01": 22, "bear.n.01": 23, "zebra.n.01": 24, "giraffe.n.01": 25,
        "backpack.n.01": 27, "umbrella.n.01": 28, "bag.n.04": 31, "necktie.n.01": 32, "bag.n.06": 33,
        "frisbee.n.01": 34, "ski.n.01": 35, "snowboard.n.01": 36, "ball.n.06": 37, "kite.n.03": 38,
        "baseball_bat.n.01": 39, "baseball_glove.n.01": 40, "skateboard.n.01": 41, "surfboard.n.01": 42,
        "tennis_racket.n.01": 43, "bottle.n.01": 44, "wineglass.n.01": 46, "cup.n.01": 47, "fork.n.01": 48,
        "knife.n.01": 49, "spoon.n.01": 50, "bowl.n.03": 51, "banana.n.02": 52, "apple.n.01": 53,
        "sandwich.n.01": 54, "orange.n.01": 55, "broccoli.n.01": 56, "carrot.n.01": 57, "frank.n.02": 58,
        "pizza.n.01": 59, "doughnut.n.02": 60, "cake.n.03": 61, "chair.n.01": 62, "sofa.n.01": 63,
        "pot.n.04": 64, "bed.n.01": 65, "dining_table.n.01": 67, "toilet.n.02": 70,
        "television_receiver.n.01": 72, "laptop.n.01": 73, "mouse.n.04": 74, "remote_control.n.01": 75,
        "computer_keyboard.n.01": 76, "cellular_telephone.n.01": 77, "microwave.n.02": 78, "oven.n.01": 79,
        "toaster.n.02": 80, "sink.n.01": 81, "electric_refrigerator.n.01": 82, "book.n.01": 84,
        "clock.n.01": 85, "vase.n.01": 86, "scissors.n.01": 87, "teddy.n.01": 88, "hand_blower.n.01": 89,
        "toothbrush.n.01": 90,
    ]
}
