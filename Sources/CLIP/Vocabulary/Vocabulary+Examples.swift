import Torch

extension Vocabulary {
    /// How a class's rows were made from boxes in pictures, as it is kept in the vocabulary's file.
    public struct Examples: Sendable, Hashable, Codable {
        /// A box that shows the class, or what is not the class.
        public struct Shown: Sendable, Hashable, Codable {
            /// The picture's path, as it was given.
            public var picture: String
            /// x, y, width and height in pixels of the upright picture.
            public var box: [Double]
            /// The weight in the mean.
            public var weight: Double
            /// Whether the box shows what is not the class.
            public var isNegative: Bool

            /// Creates a box.
            public init(picture: String, box: [Double], weight: Double = 1, isNegative: Bool = false) {
                self.picture = picture
                self.box = box
                self.weight = weight
                self.isNegative = isNegative
            }
        }

        /// The boxes.
        public var shown: [Shown]

        /// The share of the names' embedding in the rows, from 0 to 1.
        public var mix: Double

        /// The share of the negatives' mean that was taken away.
        public var negativeWeight: Double

        /// The number of pictures that showed what is ordinary, beside those with examples; nil where it is not known.
        public var ordinaryPictures: Int?

        /// Creates a description.
        public init(
            shown: [Shown], mix: Double = 0, negativeWeight: Double = 0, ordinaryPictures: Int? = nil
        ) {
            self.shown = shown
            self.mix = mix
            self.negativeWeight = negativeWeight
            self.ordinaryPictures = ordinaryPictures
        }
    }
}

extension Vocabulary {
    /// The classes of another vocabulary put in the place of those of the same name, the others at the end.
    /// - Throws: As ``merging(_:)``.
    public func replacing(with other: Vocabulary) throws -> Vocabulary {
        let own = Dictionary(
            classes.enumerated().map { (ClassNames.form($1.name), $0) },
            uniquingKeysWith: { first, _ in first })
        let replaced = Set(other.classes.compactMap { own[ClassNames.form($0.name)] })
        guard replaced.count < classes.count else { return try Vocabulary.merging([other]) }
        // Where the new classes go: the places of their namesakes, then the end.
        let kept = classes.indices.filter { !replaced.contains($0) }
        let joined = try Vocabulary.merging([rows(kept), other])
        var order: [(place: Int, row: Int)] = kept.enumerated().map { ($1, $0) }
        for (row, entry) in other.classes.enumerated() {
            order.append((own[ClassNames.form(entry.name)] ?? classes.count + row, kept.count + row))
        }
        order.sort { $0.place < $1.place }
        return try joined.rows(order.map(\.row))
    }

    /// The classes at these places.
    /// - Throws: ``CLIPError`` without any, `TorchError`.
    package func rows(_ places: [Int]) throws -> Vocabulary {
        let chosen = try Tensor(places)
        return try Vocabulary(
            stored: places.map { classes[$0] }, templates: templates, article: article,
            embeddings: embeddings.indexSelected(0, chosen),
            detectorEmbeddings: detectorEmbeddings?.indexSelected(0, chosen), background: background,
            clip: clip)
    }
}

extension Vocabulary {
    /// The exclusive groups of the classes as numbers; nil if no class has one.
    package var exclusiveGroups: [Int?]? {
        var numbers: [String: Int] = [:]
        let groups = classes.map { entry in
            entry.exclusiveGroup.map { name in
                numbers[name]
                    ?? {
                        numbers[name] = numbers.count
                        return numbers.count - 1
                    }()
            }
        }
        return numbers.isEmpty ? nil : groups
    }

    /// The places of the classes of each group whose scores are a softmax within the group.
    package var softmaxGroups: [[Int]] {
        var places: [Int: [Int]] = [:]
        for (place, group) in (exclusiveGroups ?? []).enumerated()
        where classes[place].exclusiveScores == .group {
            if let group { places[group, default: []].append(place) }
        }
        return places.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The same with classes made a group of which an object has at most one: of detections that overlap, the best is kept.
    /// - Parameters:
    ///   - names: The classes.
    ///   - scores: What their scores are shares of.
    /// - Throws: ``CLIPError`` for fewer than two names, names that are not in the vocabulary, and classes that have a group.
    public func makingExclusive(_ names: [String], scores: ExclusiveScores = .all) throws -> Vocabulary {
        let forms = names.map(ClassNames.form)
        guard Set(forms).count > 1 else {
            throw CLIPError("vocabulary", reason: "an exclusive group needs at least two classes")
        }
        var classes = classes
        for (name, form) in zip(names, forms) {
            guard let place = classes.firstIndex(where: { ClassNames.form($0.name) == form }) else {
                throw CLIPError("vocabulary", reason: "has no class '\(name)' for an exclusive group")
            }
            if let group = classes[place].exclusiveGroup {
                throw CLIPError(
                    "vocabulary", reason: "the class '\(name)' is in the exclusive group '\(group)' already")
            }
            classes[place].exclusiveGroup = names.joined(separator: " / ")
            classes[place].exclusiveScores = scores == .all ? nil : scores
        }
        return try Vocabulary(
            stored: classes, templates: templates, article: article, embeddings: embeddings,
            detectorEmbeddings: detectorEmbeddings, background: background, clip: clip)
    }
}
