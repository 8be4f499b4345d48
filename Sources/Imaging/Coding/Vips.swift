import CVips
import Support

/// Starts libvips once and assigns its errors to their callers.
enum Vips {
    /// A reason given by libvips, without the name of the picture.
    struct Failure: Error {
        let reason: String
    }

    private static let startFailure: String? = cvips_start() == 0 ? nil : takeError()

    private static let lock = ReadWriteLock()

    /// Starts libvips on the first call.
    static func started() throws(Failure) {
        if let reason = startFailure { throw Failure(reason: "libvips cannot be started: \(reason)") }
    }

    /// Calls libvips; `body` returns 0 on success.
    ///
    /// libvips collects the error texts of all threads in one buffer. A call that fails is therefore repeated while no
    /// other call runs, so that the text belongs to it.
    static func perform(_ body: () -> Int32) throws(Failure) {
        try started()
        if lock.shared(body) == 0 { return }
        var reason = ""
        let status = lock.exclusive {
            _ = takeError()
            let status = body()
            reason = takeError()
            return status
        }
        if status != 0 { throw Failure(reason: reason.isEmpty ? "damaged or of an unknown format" : reason) }
    }

    /// libvips' error text on one line, without repetitions.
    private static func takeError() -> String {
        guard let text = cvips_take_error() else { return "" }
        defer { cvips_free(text) }
        var seen: Set<Substring> = []
        let lines = String(cString: text).split(whereSeparator: \.isNewline)
        return lines.filter { seen.insert($0).inserted }.joined(separator: "; ")
    }
}

/// A readers-writer lock. A waiting writer blocks new readers, so that a steady stream of readers cannot starve it.
private final class ReadWriteLock: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_rwlock_t>
    private let entrance: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        lock = .allocate(capacity: 1)
        entrance = .allocate(capacity: 1)
        pthread_rwlock_init(lock, nil)
        pthread_mutex_init(entrance, nil)
    }

    deinit {
        pthread_rwlock_destroy(lock)
        pthread_mutex_destroy(entrance)
        lock.deallocate()
        entrance.deallocate()
    }

    func shared(_ body: () -> Int32) -> Int32 {
        pthread_mutex_lock(entrance)
        pthread_rwlock_rdlock(lock)
        pthread_mutex_unlock(entrance)
        defer { pthread_rwlock_unlock(lock) }
        return body()
    }

    func exclusive(_ body: () -> Int32) -> Int32 {
        pthread_mutex_lock(entrance)
        pthread_rwlock_wrlock(lock)
        pthread_mutex_unlock(entrance)
        defer { pthread_rwlock_unlock(lock) }
        return body()
    }
}
