import CLIP
import Evaluation
import FVLM
import Support
import Synchronization

/// A detector with what it is asked with.
public struct LoadedModel: Sendable {
    /// The detector.
    public let detector: Detector

    /// The name in answers, such as that of its folder.
    public var name: String

    /// The classes that are looked for when a request names none; nil: a request must name them.
    public var vocabulary: Vocabulary?

    /// Named vocabularies of the server, which clients cannot replace.
    public var vocabularies: [String: Vocabulary] = [:]

    /// How regions are scored unless a request says otherwise.
    public var options: ScoringOptions

    /// The detector's calibration; nil: there is none.
    public var calibration: ScoreCalibration?

    /// Describes a detector.
    /// - Parameters:
    ///   - detector: The detector.
    ///   - name: The name in answers.
    ///   - options: How regions are scored; the configuration's by default.
    public init(_ detector: Detector, name: String, options: ScoringOptions? = nil) {
        self.detector = detector
        self.name = name
        self.options = options ?? detector.configuration.scoring
    }
}

/// The place of the model: empty while it is loaded.
final class ModelSlot: Sendable {
    private enum State {
        case loading
        case ready(LoadedModel)
        case draining(LoadedModel?)
    }

    private let state = Mutex(State.loading)

    /// The model.
    /// - Throws: ``RequestFault`` while there is none.
    var model: LoadedModel {
        get throws(RequestFault) {
            let model: LoadedModel? = state.withLock {
                switch $0 {
                case .loading: nil
                case .ready(let model): model
                // What was accepted is answered.
                case .draining(let model): model
                }
            }
            guard let model else {
                throw RequestFault(503, "the model is being loaded", retrySeconds: 5, refusal: .loading)
            }
            return model
        }
    }

    /// Throws ``RequestFault`` unless new work is welcome.
    func checkReady() throws(RequestFault) {
        if state.withLock({ if case .draining = $0 { true } else { false } }) {
            throw RequestFault(503, "the server is about to end", retrySeconds: 5, refusal: .draining)
        }
        _ = try model
    }

    func fill(_ model: LoadedModel) {
        state.withLock { if case .loading = $0 { $0 = .ready(model) } }
    }

    func drain() {
        state.withLock {
            switch $0 {
            case .loading: $0 = .draining(nil)
            case .ready(let model): $0 = .draining(model)
            case .draining: break
            }
        }
    }
}
