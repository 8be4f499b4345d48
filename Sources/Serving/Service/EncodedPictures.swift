import FVLM
import Imaging
import Support
import Synchronization

/// Pictures that were looked at once and can be asked again, for a while.
final class EncodedPictures: Sendable {
    /// A picture.
    struct Entry: Sendable {
        let picture: EncodedImages
        let name: String
        let size: ImageSize
        /// Who may ask: a client cannot use what another one has sent.
        let owner: String
    }

    private let entries: Mutex<RecentlyUsed<String, (entry: Entry, last: ContinuousClock.Instant)>>
    private let seconds: Double

    init(limit: Int, seconds: Double) {
        entries = Mutex(RecentlyUsed(limit: limit))
        self.seconds = seconds
    }

    var count: Int { entries.withLock { $0.count } }

    /// Keeps a picture.
    /// - Returns: The handle.
    func insert(_ entry: Entry) -> String {
        let id = HandleID.random()
        entries.withLock { _ = $0.insert((entry, .now), for: id) }
        return id
    }

    /// The picture of a handle.
    /// - Throws: ``RequestFault`` where there is none, or none any more.
    func entry(_ id: String, for owner: String) throws(RequestFault) -> Entry {
        let found = entries.withLock { entries -> Entry? in
            guard let (entry, last) = entries.use(id), entry.owner == owner,
                (ContinuousClock.now - last).seconds <= seconds
            else { return nil }
            entries.insert((entry, .now), for: id)
            return entry
        }
        guard let found else {
            throw RequestFault(404, "there is no encoded picture of this handle (any more): encode it again")
        }
        return found
    }

    /// Forgets a picture.
    func remove(_ id: String, for owner: String) throws(RequestFault) {
        _ = try entry(id, for: owner)
        entries.withLock { _ = $0.remove(id) }
    }

    /// Forgets pictures that nobody asked for.
    func forgetExpired() {
        entries.withLock { entries in
            for key in entries.keys {
                if let last = entries.peek(key)?.last, (ContinuousClock.now - last).seconds > seconds {
                    entries.remove(key)
                }
            }
        }
    }
}

/// Names that cannot be guessed.
enum HandleID {
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }.hexadecimal
    }
}
