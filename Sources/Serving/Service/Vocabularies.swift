import CLIP
import FVLM
import Support

/// The vocabularies of a server: those it was started with, those that clients keep, and lists of words that were asked for
/// of late.
actor Vocabularies {
    /// A vocabulary under a name.
    struct Named: Sendable {
        let name: String
        let known: KnownVocabulary
        /// Whether clients can replace it.
        let isKept: Bool
    }

    /// What tells lists of words apart.
    private struct Words: Hashable {
        let classes: [Vocabulary.Class]
    }

    private static let rememberedLists = 64

    private let folder: String?
    private var lock: FolderLock?
    private let metrics: ServerMetrics
    private var own: KnownVocabulary?
    private var fixed: [String: KnownVocabulary] = [:]
    private var kept: RecentlyUsed<String, KnownVocabulary>
    private var words: RecentlyUsed<Words, Task<KnownVocabulary, any Error>>

    /// - Throws: `FileFailure` when the folder cannot be made or another server has it.
    init(folder: String?, limit: Int, metrics: ServerMetrics) throws {
        self.folder = folder
        lock = try folder.map { try FolderLock(making: $0) }
        self.metrics = metrics
        kept = RecentlyUsed(limit: limit)
        words = RecentlyUsed(limit: Self.rememberedLists)
    }

    /// Takes over the model's vocabularies, and those of the folder.
    /// - Parameter note: Called with a sentence for every file that is left out.
    /// - Throws: `CLIPError` for one of the model's that its CLIP did not make; `FileFailure`.
    func fill(_ model: LoadedModel, note: @Sendable (String) -> Void) throws {
        own = model.vocabulary.map { KnownVocabulary($0) }
        for (name, vocabulary) in model.vocabularies {
            try Self.check(name: name)
            try vocabulary.check(model.detector.identity)
            fixed[name] = KnownVocabulary(vocabulary)
        }
        guard let folder else { return }
        // The one written last was used last.
        let files = try FolderEntry.all(in: folder).filter { !$0.isFolder && $0.name.hasSuffix(Self.ending) }
            .map { (name: $0.name, time: FileStatus(Path.join(folder, $0.name))?.modification ?? 0) }
            .sorted { ($0.time, $0.name) < ($1.time, $1.name) }
        for file in files {
            let name = String(file.name.dropLast(Self.ending.count))
            do {
                try Self.check(name: name)
                let vocabulary = try Vocabulary(contentsOf: Path.join(folder, file.name))
                try vocabulary.check(model.detector.identity)
                kept.insert(KnownVocabulary(vocabulary), for: name)
            } catch { note("\(Path.join(folder, file.name)) is not used: \(error)") }
        }
    }

    /// Leaves the folder to others. The server has ended, but a task of its last connection may hold this object a while.
    func unlock() { lock = nil }

    private static let ending = ".safetensors"

    /// Throws ``RequestFault`` for a name that is not one of letters, digits, `-`, `_` and `.`.
    static func check(name: String) throws(RequestFault) {
        let isName = name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isName, (1...64).contains(name.utf8.count), !name.hasPrefix(".") else {
            throw .bad(
                "a vocabulary's name has 1 to 64 letters, digits, '-', '_' and '.', and does not begin with '.'"
            )
        }
    }

    var count: Int { fixed.count + kept.count }

    /// All, by name.
    var all: [Named] {
        let own = kept.keys.compactMap { name in
            kept.peek(name).map { Named(name: name, known: $0, isKept: true) }
        }
        return (fixed.map { Named(name: $0.key, known: $0.value, isKept: false) } + own).sorted {
            $0.name < $1.name
        }
    }

    /// The model's own classes.
    /// - Throws: ``RequestFault`` where it has none.
    func ownVocabulary() throws(RequestFault) -> KnownVocabulary {
        guard let own else {
            throw .bad("say what to detect: classes, or the name of a vocabulary")
        }
        return own
    }

    /// The vocabulary of a name.
    /// - Throws: ``RequestFault`` where there is none.
    func named(_ name: String) throws(RequestFault) -> Named {
        if let known = fixed[name] { return Named(name: name, known: known, isKept: false) }
        guard let known = kept.use(name) else {
            throw RequestFault(404, "there is no vocabulary '\(name.prefix(64))'")
        }
        return Named(name: name, known: known, isKept: true)
    }

    /// The vocabulary of a list of words, encoded once.
    func words(
        _ classes: [Vocabulary.Class], _ detector: Detector, _ queue: NetworkQueue, for client: String
    ) async throws -> KnownVocabulary {
        let key = Words(classes: classes)
        if let task = words.use(key) {
            metrics.addVocabulary(isKnown: true)
            return try await task.value
        }
        metrics.addVocabulary(isKnown: false)
        // It goes on when the client goes: others may wait for the same words.
        let task = Task.detached {
            KnownVocabulary(
                try await queue.turn(for: client) { try await detector.vocabulary(of: classes) }.value)
        }
        words.insert(task, for: key)
        do { return try await task.value } catch {
            words.remove(key)
            throw error
        }
    }

    /// Keeps a vocabulary, on disk if there is a folder.
    /// - Throws: ``RequestFault`` for a name that cannot be or belongs to the server; `CLIPError` when it cannot be written.
    func keep(_ vocabulary: Vocabulary, as name: String) throws {
        try Self.check(name: name)
        guard fixed[name] == nil else {
            throw RequestFault(409, "'\(name)' is a vocabulary of the server, which cannot be replaced")
        }
        if let folder {
            do { try vocabulary.write(to: Path.join(folder, name + Self.ending)) } catch {
                throw FileFailure(folder, reason: "\(error)", exitStatus: .failure)
            }
        }
        for removed in kept.insert(KnownVocabulary(vocabulary), for: name) { try removeFile(removed) }
    }

    /// Forgets a vocabulary.
    /// - Throws: ``RequestFault`` where there is none that clients keep.
    func forget(_ name: String) throws {
        guard try named(name).isKept else {
            throw RequestFault(409, "'\(name)' is a vocabulary of the server, which cannot be removed")
        }
        kept.remove(name)
        try removeFile(name)
    }

    private func removeFile(_ name: String) throws {
        guard let folder else { return }
        let path = Path.join(folder, name + Self.ending)
        if FileStatus(path) != nil { try Folder.remove(path) }
    }
}
