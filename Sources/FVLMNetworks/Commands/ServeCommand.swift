import ArgumentParser
import CLIP
import Evaluation
import FVLM
import FVLMCommand
import Foundation
import Serving
import Support

/// `fvlm serve`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        .serve,
        discussion: """
            Examples:
              fvlm serve --model detector
              fvlm serve --model detector --vocabulary road=road.safetensors --token-file tokens.txt --host 0.0.0.0
              curl --data-binary @street.jpg "http://127.0.0.1:8080/v1/detect?classes=dog&classes=traffic%20light"

            POST /v1/detect answers what fvlm detect --json writes. A line 'listening on ...' says that the model is loaded; \
            before, requests get 503. SIGTERM and Ctrl-C let it answer what it has accepted.

            Only this machine can reach it unless --host says otherwise. With --token-file a request must bear a line of that \
            file: Authorization: Bearer TOKEN.
            """)

    @OptionGroup var detector: DetectorOptions

    @Option(
        help: ArgumentHelp(
            "A vocabulary that requests can name; may be repeated.", valueName: "name=file"))
    var vocabulary: [String] = []

    @Option(help: "The address to listen on.")
    var host = ServerOptions().host

    @Option(help: "The port to listen on; 0: a free one.")
    var port = ServerOptions().port

    @Option(
        help: ArgumentHelp("Tokens, one a line, of which requests must bear one.", valueName: "file"),
        completion: .file())
    var tokenFile: String?

    @Option(
        help: ArgumentHelp("Certificates in PEM, for TLS; with --private-key.", valueName: "file"),
        completion: .file())
    var certificates: String?

    @Option(
        help: ArgumentHelp("The key of the certificates, in PEM.", valueName: "file"), completion: .file())
    var privateKey: String?

    @Option(
        help: ArgumentHelp(
            "An origin whose pages may ask, such as https://example.org; may be repeated.",
            valueName: "origin"))
    var allowOrigin: [String] = []

    @Option(
        help: ArgumentHelp(
            "A host that pictures of Label Studio are fetched from; may be repeated. Without it none are fetched.",
            valueName: "host"))
    var fetchHost: [String] = []

    @Flag(help: "Hosts of --fetch-host may have private addresses, such as this machine's.")
    var fetchPrivate = false

    @Option(
        help: ArgumentHelp(
            "A folder in which vocabularies that clients save are kept; without it they are forgotten at the end.",
            valueName: "folder"), completion: .directory)
    var vocabularies: String?

    @Option(help: "The most vocabularies that clients save; the least recently used one makes room.")
    var maxVocabularies = ServerOptions().vocabularyLimit

    @Option(help: "The most pictures that are kept encoded.")
    var maxEncoded = ServerOptions().encodedLimit

    @Option(help: "For how many seconds a picture is kept encoded after it was last asked for.")
    var encodedSeconds = ServerOptions().encodedSeconds

    @Option(help: "The most megabytes of a request.")
    var maxMegabytes = ServerOptions().bodyLimit >> 20

    @Option(help: "The most megabytes of all requests together.")
    var maxMemory = ServerOptions().bodyMemory >> 20

    @Option(help: "The most megapixels of a picture.")
    var maxMegapixels = Double(ServerOptions().pixelLimit) / 1e6

    @Option(help: "The most pictures of a request.")
    var maxPictures = ServerOptions().pictureLimit

    @Option(help: "The most classes of a request.")
    var maxClasses = ServerOptions().classLimit

    @Option(help: "The most open connections.")
    var maxConnections = ServerOptions().connectionLimit

    @Option(help: "The most pictures that wait; requests beyond are refused with 429.")
    var maxQueue = ServerOptions().queueLimit

    @Option(
        help:
            "The most pictures that the network looks at together; above 1 the last digits of scores can differ from fvlm detect's."
    )
    var maxBatch = ServerOptions().batchLimit

    @Option(help: "For how many milliseconds a picture waits for others when --max-batch is above 1.")
    var batchWait = ServerOptions().batchSeconds * 1000

    @Option(help: "The seconds in which a request is answered once it was read.")
    var timeout = ServerOptions().requestSeconds

    @Option(help: "The seconds in which the head of a request must arrive.")
    var headTimeout = ServerOptions().headSeconds

    @Option(help: "The seconds in which the body of a request must arrive, and an answer be taken.")
    var bodyTimeout = ServerOptions().bodySeconds

    func validate() throws {
        do { try options(tokens: []).validate() } catch let error as ConfigurationError {
            throw ValidationError("\(error)")
        }
        _ = try named()
    }

    private func options(tokens: [String]) -> ServerOptions {
        var options = ServerOptions()
        options.host = host
        options.port = port
        options.tokens = tokens
        options.certificates = certificates
        options.privateKey = privateKey
        options.origins = allowOrigin
        options.fetchHosts = fetchHost
        options.fetchesPrivate = fetchPrivate
        options.vocabularyFolder = vocabularies
        options.vocabularyLimit = maxVocabularies
        options.encodedLimit = maxEncoded
        options.encodedSeconds = encodedSeconds
        options.bodyLimit = Self.amount(Double(maxMegabytes) * 1_048_576)
        options.bodyMemory = Self.amount(Double(maxMemory) * 1_048_576)
        options.pixelLimit = Self.amount(maxMegapixels * 1e6)
        options.pictureLimit = maxPictures
        options.classLimit = maxClasses
        options.connectionLimit = maxConnections
        options.queueLimit = maxQueue
        options.batchLimit = maxBatch
        options.batchSeconds = batchWait / 1000
        options.requestSeconds = timeout
        options.headSeconds = headTimeout
        options.bodySeconds = bodyTimeout
        return options
    }

    /// A whole number; 0, which is refused, for what cannot be one.
    private static func amount(_ value: Double) -> Int { Int(exactly: value.rounded()) ?? 0 }

    /// Names and files of `--vocabulary`.
    private func named() throws -> [(name: String, file: String)] {
        try vocabulary.map { text in
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw ValidationError("--vocabulary: '\(text)' is not of the form name=file")
            }
            return (parts[0], parts[1])
        }
    }

    /// The lines of a file that are not empty and no remarks.
    private static func tokens(_ path: String) throws -> [String] {
        let tokens = try TextFile(contentsOf: path).entries().map { $0.trimmingBlanks() }.filter {
            !$0.isEmpty
        }
        guard !tokens.isEmpty else { throw FileFailure(path, reason: "has no tokens, one on each line") }
        if let short = tokens.firstIndex(where: { $0.utf8.count < 16 }) {
            throw FileFailure(
                path, reason: "token \(short + 1) has less than 16 characters",
                advice: "make one with: openssl rand -hex 24")
        }
        return tokens
    }

    func run() async throws {
        let options = options(tokens: try tokenFile.map(Self.tokens) ?? [])
        if !options.isLoopback, options.tokens.isEmpty {
            StandardError.note("everyone who reaches \(host) can ask: --token-file lets only some")
        }
        if !options.isLoopback, options.certificates == nil {
            StandardError.note("requests and tokens are not encrypted: --certificates, or a proxy that does")
        }
        let (detector, named) = (self.detector, try named())
        let server = try DetectionServer(
            options, note: { StandardError.note($0) },
            log: { StandardError.report($0) }
        ) {
            let loaded = try detector.load()
            var model = LoadedModel(
                loaded, name: Path.name(Path.absolute(detector.model)), options: detector.options(loaded))
            let folder = ModelFolder(detector.model)
            if FileStatus(folder.vocabulary) != nil {
                model.vocabulary = try Vocabulary(contentsOf: folder.vocabulary)
            }
            for (name, file) in named { model.vocabularies[name] = try Vocabulary(contentsOf: file) }
            let calibration = Path.join(detector.model, ScoreCalibration.fileName)
            if FileStatus(calibration) != nil {
                let read = try ScoreCalibration(contentsOf: calibration)
                try read.check(loaded)
                model.calibration = read
            }
            return model
        }
        try await server.run(onReady: { address in
            // Whoever has started it may have closed the pipe.
            try? StandardOutput.print("listening on \(address)")
        })
    }
}
