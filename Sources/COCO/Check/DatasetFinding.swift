/// Something about a data set that its owner should know.
public struct DatasetFinding: Sendable, Hashable {
    /// How bad it is.
    public enum Severity: String, Sendable, Hashable, CaseIterable, Comparable {
        /// Training or scoring goes wrong or fails.
        case error
        /// Probably a mistake; training and scoring work.
        case warning
        /// Worth knowing.
        case note

        /// Errors come before warnings, warnings before notes.
        public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }

        private var rank: Int {
            switch self {
            case .error: 0
            case .warning: 1
            case .note: 2
            }
        }
    }

    /// What ``ids`` are the ids of.
    public enum Subject: String, Sendable, Hashable {
        /// Images.
        case image
        /// Annotated objects.
        case annotation
        /// Classes.
        case category
        /// Files in the folder of pictures, which have names but no ids.
        case file
    }

    /// The kind of finding.
    public let code: Code

    /// What was counted.
    public let subject: Subject

    /// How many are concerned.
    public let count: Int

    /// The ids of all that are concerned, in the file's order; none for files.
    public let ids: [Int64]

    /// The first few in words: `annotation 17: box [-3, 0, 10, 12] in a picture of 640 x 480`.
    public let examples: [String]

    /// How bad it is.
    public var severity: Severity { code.severity }
}

/// Gathers what concerns one code, keeping the first few in words.
struct FindingBuilder {
    let code: DatasetFinding.Code
    let exampleLimit: Int
    private var count = 0
    private var ids: [Int64] = []
    private var examples: [String] = []

    init(_ code: DatasetFinding.Code, exampleLimit: Int) {
        self.code = code
        self.exampleLimit = exampleLimit
    }

    /// Adds one; `example` is only asked for while there is room.
    mutating func add(id: Int64?, _ example: @autoclosure () -> String) {
        count += 1
        if let id { ids.append(id) }
        if examples.count < exampleLimit { examples.append(example()) }
    }

    /// The finding, nil when nothing was added.
    var finding: DatasetFinding? {
        count == 0
            ? nil
            : DatasetFinding(code: code, subject: code.subject, count: count, ids: ids, examples: examples)
    }
}
