/// The results of an evaluation.
public struct EvaluationReport: Sendable, Hashable {
    /// One row of the per-class table.
    public struct ClassResult: Sendable, Hashable {
        /// The class.
        public var name: String
        /// Its group, such as `base` or `novel`; empty if there are no groups.
        public var group: String
        /// Its figures; the same names in every row.
        public var values: [NamedValue]

        /// Creates a row.
        public init(name: String, group: String = "", values: [NamedValue]) {
            self.name = name
            self.group = group
            self.values = values
        }
    }

    /// A picture for human readers.
    public struct Picture: Sendable, Hashable {
        /// What it shows, for example the image's id.
        public var name: String
        /// Width in pixels.
        public var width: Int
        /// Height in pixels.
        public var height: Int
        /// The contents of a PNG file.
        public var png: [UInt8]

        /// Creates a picture.
        public init(name: String, width: Int, height: Int, png: [UInt8]) {
            self.name = name
            self.width = width
            self.height = height
            self.png = png
        }
    }

    /// The figures, such as `bbox/AP50`.
    public var metrics: [NamedValue]

    /// The figures of each class.
    public var classes: [ClassResult]

    /// Precision over recall.
    public var curves: [PrecisionRecallCurve]

    /// Predictions next to ground truth.
    public var pictures: [Picture]

    /// One sentence for each thing that was not measured.
    public var notes: [String]

    /// Creates a report.
    public init(
        metrics: [NamedValue], classes: [ClassResult] = [], curves: [PrecisionRecallCurve] = [],
        pictures: [Picture] = [], notes: [String] = []
    ) {
        self.metrics = metrics
        self.classes = classes
        self.curves = curves
        self.pictures = pictures
        self.notes = notes
    }

    /// The value of the figure with this name.
    public subscript(metric: String) -> Double? { metrics.first { $0.name == metric }?.value }
}

/// A named number.
public struct NamedValue: Sendable, Hashable, Codable {
    /// The name.
    public var name: String
    /// The number.
    public var value: Double

    /// Creates a named number.
    public init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}
