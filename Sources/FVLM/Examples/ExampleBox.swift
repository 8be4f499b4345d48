import Imaging

/// A box in a picture that shows a class, or what is not the class.
public struct ExampleBox: Sendable, Hashable {
    /// The name of the class.
    public var className: String

    /// The box in pixels of the upright picture.
    public var box: Box

    /// The weight in the class's mean, above 0.
    public var weight: Double

    /// Whether it shows what is not the class, such as an object that is mistaken for it.
    public var isNegative: Bool

    /// Creates an example.
    public init(className: String, box: Box, weight: Double = 1, isNegative: Bool = false) {
        self.className = className
        self.box = box
        self.weight = weight
        self.isNegative = isNegative
    }
}

/// How the rows of classes are made from their examples.
public struct ExampleOptions: Codable, Sendable, Hashable {
    /// The share of the names' embedding in a class's rows, from 0 (examples alone) to 1 (names alone).
    public var mix = 0.0

    /// The share of the negatives' mean that is taken away from the examples', from 0 to 1.
    public var negativeWeight = 0.5

    /// What is added to the variances of ordinary regions in all directions, relative to their mean, above 0: the less, the
    /// more directions in which regions hardly differ count.
    public var shrinkage = 0.03

    /// Creates the default options.
    public init() {}

    /// Validates every number.
    /// - Throws: `ConfigurationError` with the key.
    public func validate() throws {
        for (key, value) in [("mix", mix), ("negativeWeight", negativeWeight)] {
            guard (0...1).contains(value) else {
                throw ConfigurationError(key: "examples.\(key)", reason: "must be from 0 to 1, not \(value)")
            }
        }
        guard shrinkage > 0, shrinkage.isFinite else {
            throw ConfigurationError(
                key: "examples.shrinkage", reason: "must be above 0, not \(shrinkage)")
        }
    }
}
