/// What an evaluation found.
public struct EvaluationReport: Sendable, Hashable {
    /// One row of the table by class.
    public struct ClassResult: Sendable, Hashable {
        /// The class.
        public var name: String
        /// Its group, such as `base` or `novel`; empty when there are none.
        public var group: String
        /// Its figures; the same names in every row.
        public var values: [NamedValue]

        /// A row.
        public init(name: String, group: String = "", values: [NamedValue]) {
            self.name = name
            self.group = group
            self.values = values
        }
    }

    /// A picture for people to look at.
    public struct Picture: Sendable, Hashable {
        /// What it shows, for example the image's id.
        public var name: String
        /// Width in pixels.
        public var width: Int
        /// Height in pixels.
        public var height: Int
        /// The picture as a PNG file.
        public var png: [UInt8]

        /// A picture.
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

    /// Predictions beside ground truth.
    public var pictures: [Picture]

    /// What was not measured, in a sentence each.
    public var notes: [String]

    /// A report of its parts.
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

    /// The figure of a name.
    public subscript(metric: String) -> Double? { metrics.first { $0.name == metric }?.value }
}

/// A named number.
public struct NamedValue: Sendable, Hashable, Codable {
    /// The name.
    public var name: String
    /// The number.
    public var value: Double

    /// A number with a name.
    public init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}
