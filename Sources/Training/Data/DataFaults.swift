import COCO
import Synchronization

/// The records of a data set that cannot be used: counted, reported, and an error if there are too many.
///
/// A single picture that cannot be decoded or a broken outline among a million must not stop a training. Each is
/// counted once, however often it is encountered.
public final class DataFaults: Sendable {
    /// How a record that cannot be used is treated.
    public enum Policy: String, Codable, Sendable, CaseIterable {
        /// It is skipped and counted.
        case exclude
        /// It is an error.
        case refuse
    }

    /// What a fault excludes from training.
    enum Kind: String, CaseIterable {
        /// A picture, with all its objects.
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

    /// How such records are treated.
    let policy: Policy

    /// The maximum fraction of pictures, and of annotations, that may be skipped.
    let limit: Double

    private let tallies = Mutex<[Kind: Tally]>([:])

    /// Creates an empty record of a data set's faults.
    init(_ policy: Policy = .refuse, limit: Double = 0.2) {
        self.policy = policy
        self.limit = limit
    }

    /// Counts a fault.
    /// - Parameters:
    ///   - row: The row of the picture or the annotation.
    ///   - total: The number of pictures or annotations.
    ///   - error: What is wrong.
    /// - Throws: `error` if faults are refused; ``TrainingError`` if too many are skipped.
    func add(_ kind: Kind, row: Int, of total: Int, _ error: TrainingError) throws {
        guard policy == .exclude else { throw error }
        let count = tallies.withLock { tallies in
            tallies[kind, default: Tally()].rows.insert(row)
            if tallies[kind]?.first == nil { tallies[kind]?.first = error }
            return tallies[kind]?.rows.count ?? 0
        }
        // One is always allowed if another record is left.
        guard
            count > max(1, Int((limit * Double(total)).rounded(.down))) || count >= total && kind == .picture
        else { return }
        throw TrainingError(
            "training set",
            "\(kind.counted(count)) of \(total) cannot be used, more than data.faultLimit \(limit) allows; "
                + "the first: \(error.description)")
    }

    /// Counts annotations that could not be read.
    /// - Throws: As ``add(_:row:of:_:)``.
    func add(_ unread: [RecordFault], of annotationCount: Int) throws {
        let total = annotationCount + unread.count { $0.loss == .annotation }
        for (place, fault) in unread.enumerated() {
            let error = TrainingError(fault.error.subject, fault.error.reason)
            switch fault.loss {
            // They have no row: these numbers are no one else's.
            case .annotation: try add(.object, row: -1 - place, of: total, error)
            case .segmentation: try add(.mask, row: fault.row, of: total, error)
            // Found where outlines are used.
            case .unpairedNumber: break
            }
        }
    }

    /// Whether a record has a fault of this kind.
    func contains(_ kind: Kind, row: Int) -> Bool {
        tallies.withLock { $0[kind]?.rows.contains(row) ?? false }
    }

    /// The number of faults of a kind.
    func count(_ kind: Kind) -> Int { tallies.withLock { $0[kind]?.rows.count ?? 0 } }

    /// One line per kind of fault whose number has grown since the last call.
    func news() -> [String] {
        tallies.withLock { tallies in
            Kind.allCases.compactMap { kind in
                guard let tally = tallies[kind], let first = tally.first, tally.rows.count > tally.reported
                else { return nil }
                tallies[kind]?.reported = tally.rows.count
                let (count, verb) = (kind.counted(tally.rows.count), tally.rows.count == 1 ? "is" : "are")
                return "\(count) \(verb) skipped: \(first)\(tally.rows.count == 1 ? "" : ", …")"
            }
        }
    }
}

/// A skipped picture, see ``DataFaults``: a loader replaces it with another.
struct ExcludedPicture: Error {}
