/// Loads the weights of detectron2's Mask R-CNN with a feature pyramid (such as `mask_rcnn_R_50_FPN_3x`, `.pkl` or
/// `.pth`) into the parts of an open-vocabulary detector.
///
/// Some of these weights have no counterpart here: the trunk, the classifier, and class-specific weights. Their
/// treatment is explicit, never guessed, and listed in a ``Report``.
package struct Detectron2Checkpoint: Sendable {
    /// A part of the detector with weights in the checkpoint.
    package enum Part: String, Sendable, Hashable, CaseIterable {
        /// ``FeaturePyramid``.
        case pyramid
        /// ``RegionProposalHead``.
        case proposals
        /// ``BoxHead``.
        case boxHead
        /// Box regression of ``RegionPredictor``.
        case boxRegression
        /// ``MaskHead``.
        case maskHead

        var prefix: String {
            switch self {
            case .pyramid: "backbone."
            case .proposals: "proposal_generator.rpn_head."
            case .boxHead: "roi_heads.box_head."
            case .boxRegression: "roi_heads.box_predictor."
            case .maskHead: "roi_heads.mask_head."
            }
        }
    }

    /// The treatment of class-specific weights where a single set is expected: `bbox_pred` and the mask head's
    /// `predictor`.
    package enum ClassSpecific: String, Sendable, Hashable {
        /// The mean over the classes.
        case average
        /// New random weights.
        case reinitialize
    }

    /// The treatment of other weights whose shape differs, such as lateral convolutions for a different trunk.
    package enum OtherShapes: String, Sendable, Hashable {
        /// Throws an error that lists them.
        case reject
        /// New random weights.
        case reinitialize
    }

    /// What was done with every weight.
    package struct Report: Sendable, Hashable, CustomStringConvertible {
        /// A weight that does not fit unchanged.
        package struct Entry: Sendable, Hashable {
            /// The name in the checkpoint.
            package let key: String
            /// The shape in the checkpoint.
            package let stored: [Int]
            /// The shape in the detector; nil if it has no such weight.
            package let expected: [Int]?
        }

        /// Parameters loaded from the checkpoint, by name in the detector.
        package internal(set) var loaded: [String] = []

        /// Class-specific weights that were averaged.
        package internal(set) var averaged: [Entry] = []

        /// Weights replaced with new random ones.
        package internal(set) var reinitialized: [Entry] = []

        /// Weights without a counterpart in the detector: the trunk, the classifier, stored anchors.
        package internal(set) var unused: [Entry] = []

        /// Counts, and the names of all weights that did not fit; the trunk's are only counted.
        package var description: String {
            func list(_ what: String, _ entries: [Entry]) -> String? {
                guard !entries.isEmpty else { return nil }
                let names = entries.map { entry in
                    "\(entry.key) \(entry.stored)" + (entry.expected.map { ", here \($0)" } ?? "")
                }
                return "\(what): " + names.joined(separator: "; ")
            }
            let trunk = unused.filter { $0.key.contains("bottom_up.") }
            let others = unused.filter { !$0.key.contains("bottom_up.") }
            return [
                "\(loaded.count) weights loaded", list("mean over classes", averaged),
                list("new random weights for", reinitialized),
                trunk.isEmpty ? nil : "not used: \(trunk.count) weights of the trunk",
                list("not used", others),
            ].compactMap { $0 }.joined(separator: "\n")
        }
    }

    private let source: UnwrappedWeights

    /// Which set of weights is used if the file holds several.
    package var note: String? { source.note }

    /// Creates a loader for an opened checkpoint, for example from `WeightFile.open`. Training frameworks' wrappers
    /// around the weights are removed.
    /// - Throws: ``DetectionError`` if there are no weights of a pyramid, a proposal network or a head;
    ///   `WeightFileError` if there are several sets of weights and it is unclear which one was trained.
    package init(_ source: some WeightSource) throws {
        guard let weights = try UnwrappedWeights(source, knownBy: Part.allCases.map(\.prefix)) else {
            throw DetectionError(
                "Detectron2Checkpoint",
                "\(source.origin) has no weights such as backbone.fpn_lateral2 or roi_heads.box_head (its first are "
                    + "\(source.keys.prefix(3).joined(separator: ", "))): it is not a checkpoint of a detectron2 detector"
            )
        }
        self.source = weights
    }

    /// Loads parts of a detector: all of them, or none if something is missing or of a rejected shape.
    /// - Parameters:
    ///   - scopes: The parts to load and their parameters' scopes. ``RegionPredictor``'s embedding is unchanged: the
    ///     checkpoint has a classifier instead.
    ///   - classSpecific: The treatment of class-specific weights.
    ///   - otherShapes: The treatment of other weights of a different shape.
    ///   - seed: The seed for new random weights.
    /// - Throws: ``DetectionError`` listing what is missing or rejected; `TorchError`.
    @discardableResult
    package func load(
        _ scopes: [Part: ParameterScope], classSpecific: ClassSpecific, otherShapes: OtherShapes, seed: UInt64
    ) throws -> Report {
        var report = Report()
        var (values, fresh): ([(Parameter, Tensor)], [Parameter]) = ([], [])
        var (missing, rejected, used): ([String], [String], Set<String>) = ([], [], [])
        let available = Set(source.keys)
        for (part, scope) in scopes.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for parameter in Self.parameters(of: part, in: scope) {
                let key = part.prefix + String(parameter.name.dropFirst(Self.length(of: scope)))
                guard available.contains(key) else {
                    if parameter.isOptional { fresh.append(parameter) } else { missing.append(key) }
                    continue
                }
                used.insert(key)
                let stored = try source.tensor(named: key)
                let entry = Report.Entry(key: key, stored: stored.shape, expected: parameter.shape)
                if stored.shape == parameter.shape {
                    values.append((parameter, try Tensor(stored).clone(.contiguous)))
                    report.loaded.append(parameter.name)
                } else if let classes = Self.classes(part, stored.shape, parameter.shape) {
                    guard classSpecific == .average else {
                        fresh.append(parameter)
                        report.reinitialized.append(entry)
                        continue
                    }
                    let mean = try Tensor(stored).to(.float32).reshaped([classes] + parameter.shape).mean(0)
                    values.append((parameter, mean))
                    report.averaged.append(entry)
                } else if otherShapes == .reinitialize {
                    fresh.append(parameter)
                    report.reinitialized.append(entry)
                } else {
                    rejected.append("\(key) \(stored.shape), here \(parameter.shape)")
                }
            }
        }
        guard missing.isEmpty, rejected.isEmpty else { throw refusal(missing, rejected) }
        for (parameter, value) in values { try parameter.set(value) }
        for parameter in fresh {
            if let store = scopes.values.first(where: { $0.store[parameter.name] === parameter })?.store {
                try store.initialize(seed: seed, under: parameter.name)
            }
        }
        for key in source.keys where !used.contains(key) {
            report.unused.append(
                .init(key: key, stored: try source.tensor(named: key).shape, expected: nil))
        }
        return report
    }

    private func refusal(_ missing: [String], _ rejected: [String]) -> DetectionError {
        var parts: [String] = []
        if !missing.isEmpty { parts.append("\(missing.count) missing: " + missing.joined(separator: ", ")) }
        if !rejected.isEmpty {
            parts.append(
                "\(rejected.count) of a different shape: " + rejected.joined(separator: "; ")
                    + "; re-initialize these if the trunk is a different one")
        }
        return DetectionError(
            "Detectron2Checkpoint", "\(source.origin) does not fit: " + parts.joined(separator: "; "))
    }

    private static func length(of scope: ParameterScope) -> Int {
        scope.path.isEmpty ? 0 : scope.path.count + 1
    }

    private static func parameters(of part: Part, in scope: ParameterScope) -> [Parameter] {
        // The predictor's embedding has no counterpart.
        let name = part == .boxRegression ? scope.name(of: "bbox_pred") : scope.path
        return scope.store.parameters(under: name)
    }

    /// The number of classes whose weights are stored where one set is expected.
    private static func classes(_ part: Part, _ stored: [Int], _ expected: [Int]) -> Int? {
        guard part == .boxRegression || part == .maskHead, stored.count == expected.count,
            stored.dropFirst() == expected.dropFirst(), let many = stored.first, let one = expected.first,
            one > 0, many > one, many % one == 0,
            part == .boxRegression ? one == 4 : one == 1
        else { return nil }
        return many / one
    }
}

// MARK: - Names

extension Detectron2Checkpoint {
    /// detectron2's name for a parameter of an open-vocabulary detector: the reverse of loading.
    ///
    /// Parameters without a counterpart in detectron2 get the names where they would belong: the adapter in the
    /// backbone, the projection to embeddings and the temperature in the box predictor.
    /// - Parameter name: Such as `fpn.fpn_lateral2.weight`, `box_head.fc1.bias`.
    package static func key(for name: String) -> String {
        let part: Part? =
            switch name.prefix(while: { $0 != "." }) {
            case "adapter": .pyramid
            case "bbox_pred", "projection", "temperature": .boxRegression
            default: nil
            }
        if let part { return part.prefix + name }
        let heads: [(own: String, part: Part)] = [
            ("fpn.", .pyramid), ("rpn_head.", .proposals), ("box_head.", .boxHead), ("mask_head.", .maskHead),
        ]
        guard let head = heads.first(where: { name.hasPrefix($0.own) }) else { return name }
        return head.part.prefix + name.dropFirst(head.own.count)
    }
}
