import Synchronization

/// The records of a data set that cannot be used: counted, named, and an error when there are too many of them.
///
/// A picture that cannot be decoded, an outline that is broken: one of them in a million must not end a training. Each is
/// counted once, however often it is met.
public final class DataFaults: Sendable {
    /// What to do with a record that cannot be used.
    public enum Policy: String, Codable, Sendable, CaseIterable {
        /// It is left out and counted.
        case exclude
        /// It is an error.
        case refuse
    }

    /// What a fault costs.
    enum Kind: String, CaseIterable {
        /// A picture, with all objects in it.
        case picture
        /// An object.
        case object
        /// A mask; its object keeps its box.
        case mask
        /// One ring of a mask.
        case ring

        fileprivate func counted(_ count: Int) -> String {
            let name =
                switch self {
                case .picture: count == 1 ? "picture" : "pictures"
                case .object: count == 1 ? "object" : "objects"
                case .mask: count == 1 ? "mask" : "masks"
                case .ring: count == 1 ? "outline" : "outlines"
                }
            return "\(count) \(name)"
        }
    }

    private struct Tally {
        var rows: Set<Int> = []
        var first: TrainingError?
        var reported = 0
    }

    /// What to do with such records.
    let policy: Policy

    /// The largest share of the pictures, and of the annotations, that may be left out.
    let limit: Double

    private let tallies = Mutex<[Kind: Tally]>([:])

    /// Faults of one data set.
    init(_ policy: Policy = .refuse, limit: Double = 0.2) {
        self.policy = policy
        self.limit = limit
    }

    /// Counts a fault.
    /// - Parameters:
    ///   - row: The row of the picture or the annotation.
    ///   - total: How many pictures or annotations there are.
    ///   - error: What is wrong.
    /// - Throws: `error` where faults are refused; ``TrainingError`` when too much is left out.
    func add(_ kind: Kind, row: Int, of total: Int, _ error: TrainingError) throws {
        guard policy == .exclude else { throw error }
        let count = tallies.withLock { tallies in
            tallies[kind, default: Tally()].rows.insert(row)
            if tallies[kind]?.first == nil { tallies[kind]?.first = error }
            return tallies[kind]?.rows.count ?? 0
        }
        // One is always allowed if another is left.
        guard
            count > max(1, Int((limit * Double(total)).rounded(.down))) || count >= total && kind == .picture
        else { return }
        throw TrainingError(
            "training set",
            "\(kind.counted(count)) of \(total) cannot be used, more than data.faultLimit \(limit) allows; "
                + "the first: \(error.description)")
    }

    /// Whether a picture is among them.
    func contains(_ kind: Kind, row: Int) -> Bool {
        tallies.withLock { $0[kind]?.rows.contains(row) ?? false }
    }

    /// How many there are of a kind.
    func count(_ kind: Kind) -> Int { tallies.withLock { $0[kind]?.rows.count ?? 0 } }

    /// A line for each kind of fault of which there are more than at the last call.
    func news() -> [String] {
        tallies.withLock { tallies in
            Kind.allCases.compactMap { kind in
                guard let tally = tallies[kind], let first = tally.first, tally.rows.count > tally.reported
                else { return nil }
                tallies[kind]?.reported = tally.rows.count
                let (count, verb) = (kind.counted(tally.rows.count), tally.rows.count == 1 ? "is" : "are")
                return "\(count) \(verb) left out: \(first)\(tally.rows.count == 1 ? "" : ", …")"
            }
        }
    }
}

/// A picture that is left out, see ``DataFaults``: a loader takes another one in its place.
struct ExcludedPicture: Error {}
