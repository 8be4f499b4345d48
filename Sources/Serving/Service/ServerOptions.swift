import Support

/// How a server listens, whom it answers, and its limits.
public struct ServerOptions: Sendable, Hashable {
    /// The address to listen on; only this machine can reach the default.
    public var host = "127.0.0.1"

    /// The port to listen on; 0 takes a free one.
    public var port = 8080

    /// The tokens of which a request must bear one; empty: everyone who reaches the address is answered.
    public var tokens: [String] = []

    /// The certificates of the server, in PEM; with ``privateKey`` the server speaks TLS.
    public var certificates: String?

    /// The private key of the first certificate, in PEM.
    public var privateKey: String?

    /// The origins of pages in browsers that may ask, such as `https://example.org`.
    public var origins: [String] = []

    /// The hosts that pictures are fetched from; empty: none are fetched.
    public var fetchHosts: [String] = []

    /// Whether hosts of ``fetchHosts`` may have private addresses.
    public var fetchesPrivate = false

    /// The folder of vocabularies that clients keep; nil: they are forgotten at the end.
    public var vocabularyFolder: String?

    /// The most vocabularies that clients keep; the least recently used one makes room.
    public var vocabularyLimit = 100

    /// The most pictures that are kept encoded; the least recently used one makes room.
    public var encodedLimit = 16

    /// For how many seconds a picture is kept encoded after it was last asked for.
    public var encodedSeconds = 600.0

    /// The most bytes of a request.
    public var bodyLimit = 64 << 20

    /// The most bytes of all requests that are being read or answered.
    public var bodyMemory = 512 << 20

    /// The most pixels of a picture.
    public var pixelLimit = 64_000_000

    /// The most pictures of a request.
    public var pictureLimit = 16

    /// The most classes of a request or a vocabulary.
    public var classLimit = 1_000

    /// The most characters of a class's name.
    public var nameLimit = 200

    /// The most open connections; more wait to be accepted.
    public var connectionLimit = 256

    /// The most pictures that are decoded, waiting or being looked at; requests beyond are refused with 429.
    public var queueLimit = 64

    /// The most pictures that the network looks at together. Above 1 the last digits of scores can differ from
    /// those of `fvlm detect`.
    public var batchLimit = 1

    /// For how many seconds a picture waits for others when ``batchLimit`` is above 1.
    public var batchSeconds = 0.005

    /// The seconds in which a request that was read is answered.
    public var requestSeconds = 30.0

    /// The seconds in which the head of a request must arrive.
    public var headSeconds = 10.0

    /// The seconds in which the body of a request must arrive, and an answer must be taken.
    public var bodySeconds = 60.0

    /// The seconds that a connection may be open without a request.
    public var idleSeconds = 75.0

    /// Creates the default options.
    public init() {}

    /// Validates every number.
    /// - Throws: `ConfigurationError` with the option's name.
    public func validate() throws {
        let counts = [
            ("vocabularyLimit", vocabularyLimit), ("bodyLimit", bodyLimit), ("bodyMemory", bodyMemory),
            ("pixelLimit", pixelLimit), ("pictureLimit", pictureLimit), ("classLimit", classLimit),
            ("nameLimit", nameLimit), ("connectionLimit", connectionLimit), ("queueLimit", queueLimit),
            ("batchLimit", batchLimit),
        ]
        for (key, value) in counts where value < 1 {
            throw ConfigurationError(key: key, reason: "must be at least 1, not \(value)")
        }
        guard encodedLimit >= 0 else {
            throw ConfigurationError(key: "encodedLimit", reason: "must be 0 or more, not \(encodedLimit)")
        }
        let times = [
            ("requestSeconds", requestSeconds), ("headSeconds", headSeconds), ("bodySeconds", bodySeconds),
            ("idleSeconds", idleSeconds), ("encodedSeconds", encodedSeconds),
        ]
        for (key, value) in times where !(value > 0 && value <= 86_400) {
            throw ConfigurationError(key: key, reason: "must be above 0, to 86,400 seconds, not \(value)")
        }
        guard (0...1).contains(batchSeconds) else {
            throw ConfigurationError(key: "batchSeconds", reason: "must be from 0 to 1, not \(batchSeconds)")
        }
        guard (0...65_535).contains(port) else {
            throw ConfigurationError(key: "port", reason: "must be from 0 to 65535, not \(port)")
        }
        guard (certificates == nil) == (privateKey == nil) else {
            throw ConfigurationError(key: "privateKey", reason: "belongs to certificates: both are needed")
        }
    }

    /// Whether only this machine can reach the address.
    public var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}
