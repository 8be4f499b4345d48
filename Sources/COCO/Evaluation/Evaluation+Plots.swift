import Support

extension Evaluation {
    /// A diagram.
    package struct Plot: Sendable {
        /// A file name: `precision-recall.svg`.
        package let fileName: String

        /// The SVG file.
        package let svg: String
    }

    /// Plots precision against recall: for all classes at every IoU threshold; for each part of the classes; for the
    /// classes that lose most, together and each at every IoU threshold.
    ///
    /// Precision of several classes is the mean over those that have objects, as in the figures. A curve ends at the
    /// highest recall that is reached.
    ///
    /// - Parameters:
    ///   - parts: Parts of the classes, each drawn unless it contains all of them.
    ///   - worstClasses: The number of classes to draw, those with the lowest average precision.
    package func precisionRecallPlots(parts: [Part] = [], worstClasses: Int = 8) -> [Plot] {
        let all = Array(0..<classCount)
        var plots = [
            Plot(
                fileName: "precision-recall.svg",
                svg: thresholdPlot(
                    all, title: options.rules == .proposals ? "Proposals" : "All classes"
                ).file)
        ]
        for part in parts where part.classes.count != classCount {
            plots.append(
                Plot(
                    fileName: "precision-recall-\(Self.fileNamePart(part.name)).svg",
                    svg: thresholdPlot(part.classes, title: "Classes: \(part.name)").file))
        }
        guard options.rules != .proposals, worstClasses > 0 else { return plots }
        let worst = worstFirst().prefix(worstClasses)
        guard !worst.isEmpty else { return plots }
        plots.append(Plot(fileName: "worst-classes.svg", svg: classPlot(Array(worst)).file))
        for index in worst {
            let category = categories[index]
            plots.append(
                Plot(
                    fileName: "class-\(category.id)-\(Self.fileNamePart(category.name)).svg",
                    svg: thresholdPlot([index], title: category.name).file))
        }
        return plots
    }

    /// The classes that have objects, by ascending average precision.
    private func worstFirst() -> [Int] {
        (0..<classCount).compactMap { index in averagePrecision(classes: [index]).map { (index, $0) } }
            .sorted { ($0.1, $0.0) < ($1.1, $1.0) }
            .map(\.0)
    }

    /// One curve per IoU threshold.
    private func thresholdPlot(_ classes: [Int], title: String) -> LineChart {
        let thresholds = options.iouThresholds
        let areas = options.areaRanges.count
        let objects = classes.reduce(0) { $0 + objectCounts[$1 * areas] }
        let counted = classes.count { objectCounts[$0 * areas] > 0 }
        let mean = averagePrecision(classes: classes)
        return LineChart(
            title: title,
            subtitle: "\(options.geometry == .box ? "Boxes" : "Masks"), AP \(Self.percent(mean)), "
                + (classes.count == 1 ? "" : "\(counted) classes, ") + "\(objects) objects, "
                + "\(imageCount) images",
            xLabel: "Recall", yLabel: "Precision", legendTitle: ("IoU", "AP"),
            lines: thresholds.indices.map { threshold in
                LineChart.Line(
                    label: Self.hundredths(thresholds[threshold]),
                    value: Self.percent(
                        averagePrecision(iouThreshold: thresholds[threshold], classes: classes)),
                    color: Self.scale(threshold, of: thresholds.count),
                    points: points(classes, threshold))
            }, xLimits: 0...1, yLimits: 0...1)
    }

    /// One curve per class, at the lowest IoU threshold.
    private func classPlot(_ classes: [Int]) -> LineChart {
        let threshold = options.iouThresholds[0]
        let shown = classes.prefix(LineChart.palette.count)
        return LineChart(
            title: "Classes with the lowest average precision",
            subtitle: "\(options.geometry == .box ? "Boxes" : "Masks"), curves at IoU "
                + "\(Self.hundredths(threshold)), \(imageCount) images",
            xLabel: "Recall", yLabel: "Precision",
            legendTitle: ("Class", "AP"),
            lines: shown.map { index in
                LineChart.Line(
                    label: categories[index].name,
                    value: Self.percent(averagePrecision(classes: [index])), points: points([index], 0))
            }, xLimits: 0...1, yLimits: 0...1)
    }

    /// The mean of the classes' curves, up to the highest recall of any, and from there down to 0.
    private func points(_ classes: [Int], _ threshold: Int) -> [(x: Double, y: Double)] {
        let recalls = options.recallThresholds
        var sums = [Double](repeating: 0, count: recalls.count)
        var count = 0
        for index in classes where objectCounts[index * options.areaRanges.count] > 0 {
            count += 1
            for (place, precision) in precisionCurve(category: index, iouThreshold: threshold).enumerated() {
                sums[place] += precision
            }
        }
        guard count > 0 else { return [] }
        guard let last = sums.lastIndex(where: { $0 > 0 }) else { return [(0, 0)] }
        // Between two samples, precision is that of the upper one: the curve is a step function.
        var points = [(x: recalls[0], y: sums[0] / Double(count))]
        for place in 1..<max(last + 1, 1) where sums[place] != sums[place - 1] {
            points.append((recalls[place - 1], sums[place - 1] / Double(count)))
            points.append((recalls[place - 1], sums[place] / Double(count)))
        }
        points.append((recalls[last], sums[last] / Double(count)))
        if last + 1 < recalls.count { points.append((recalls[last], 0)) }
        return points
    }

    /// A color of a scale from dark blue through green to yellow, with even steps in lightness.
    private static func scale(_ index: Int, of count: Int) -> String {
        let stops: [(Double, Double, Double)] = [
            (68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (222, 200, 20),
        ]
        let place = count < 2 ? 0 : Double(index) / Double(count - 1) * Double(stops.count - 1)
        let lower = min(Int(place), stops.count - 2)
        let part = place - Double(lower)
        let (a, b) = (stops[lower], stops[lower + 1])
        let channels = [a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part, a.2 + (b.2 - a.2) * part]
        return "#"
            + channels.map { channel in
                let digits = String(Int(channel.rounded()), radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
    }

    private static func percent(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "-" }
        let tenths = Int((value * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func hundredths(_ value: Double) -> String {
        let count = Int((value * 100).rounded())
        return "\(count / 100)." + (count % 100 < 10 ? "0" : "") + "\(count % 100)"
    }

    /// A name without the characters that file names should not contain.
    private static func fileNamePart(_ name: String) -> String {
        let kept = name.lowercased().unicodeScalars.map { scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) ? Character(scalar) : "-"
        }
        return String(String(kept).split(separator: "-").joined(separator: "-").prefix(40))
    }
}
