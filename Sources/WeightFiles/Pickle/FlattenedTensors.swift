/// The tensors in a tree of values, keyed by the path of keys that leads to each, joined by dots.
struct FlattenedTensors: Sendable {
    /// The paths, in the order of the tree.
    private(set) var keys: [String] = []

    /// The indices of the tensors in the graph.
    private(set) var indices: [String: Int] = [:]

    private let graph: PickleGraph
    private var budget: MemoryBudget

    /// Traverses everything below `root`.
    ///
    /// - Throws: ``WeightFileError`` if two tensors have the same path, a key on the way to a tensor is neither text
    ///   nor a number, or the tree is deeper than 100 levels, as a tree that contains itself is.
    init(root: PickleValue) throws {
        graph = root.graph
        budget = graph.budget
        try walk(root.id, path: "", depth: 0)
    }

    private func failure(_ path: String, _ reason: String) -> WeightFileError {
        WeightFileError(file: graph.origin, place: "'\(path.prefix(200))'", reason: reason)
    }

    /// `path` is nil below a key that has no name.
    private mutating func walk(_ id: PickleNodeID, path: String?, depth: Int) throws {
        guard depth <= 100 else {
            throw failure(path ?? "", "is nested deeper than 100 levels, or contains itself")
        }
        // The same values may be reached on many paths; the number of paths is limited.
        guard budget.spend(8) else { throw failure(path ?? "", "contains the same values too many times") }
        let value = PickleValue(graph: graph, id: id)
        if case .tensor(let index) = value.node {
            guard let path else {
                throw failure("", "a tensor is under a key that is neither text nor an integer")
            }
            guard budget.spend(64) else { throw failure(path, "contains the same tensors too many times") }
            guard indices.updateValue(index, forKey: path) == nil else {
                throw failure(path, "two tensors have this name")
            }
            keys.append(path)
        } else if let pairs = value.pairs {
            for position in stride(from: 0, to: pairs.count - 1, by: 2) {
                guard isContainer(pairs[position + 1]) else { continue }
                let name = path == nil ? nil : name(pairs[position])
                try walk(pairs[position + 1], path: join(path, name), depth: depth + 1)
            }
        } else if let elements = value.elements {
            for (number, element) in elements.enumerated() where isContainer(element) {
                try walk(element, path: join(path, "\(number)"), depth: depth + 1)
            }
        }
    }

    private func isContainer(_ id: PickleNodeID) -> Bool {
        switch graph.contents.nodes[Int(id)] {
        case .tensor, .list, .dictionary, .object: true
        case .tuple(_, let count): count > 0
        default: false
        }
    }

    private func name(_ key: PickleNodeID) -> String? {
        let node = graph.contents.nodes[Int(key)]
        if case .integer(let value) = node { return "\(value)" }
        return graph.contents.string(node)
    }

    private mutating func join(_ path: String?, _ name: String?) throws -> String? {
        guard let path, let name else { return nil }
        guard budget.spend(path.utf8.count + name.utf8.count) else {
            throw failure(path, "the names of its tensors need more memory than four times the file")
        }
        return path.isEmpty ? name : "\(path).\(name)"
    }

    /// The tensor at this path; nil if there is none.
    func tensor(named name: String) throws -> StoredTensor? {
        try indices[name].map { try graph.tensor($0, name: name) }
    }

    /// The index of the torch storage that contains the tensor at this path.
    func storage(ofTensorNamed name: String) -> Int? {
        guard let index = indices[name], case .stored(_, let storage) = graph.contents.tensors[index] else {
            return nil
        }
        return storage
    }
}
