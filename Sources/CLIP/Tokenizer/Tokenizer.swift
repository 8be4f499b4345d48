import Synchronization
import Torch

/// CLIP's tokenizer: encodes text as ids of byte-pair symbols between a start and an end token.
///
/// The two families of checkpoints prepare text differently; see ``Flavor``. Both ignore case and amounts of white
/// space.
public final class Tokenizer: Sendable {
    /// How text is prepared, and how special tokens are spelled.
    public enum Flavor: String, Sendable, Hashable, CaseIterable {
        /// Like `transformers.CLIPTokenizer`: composition (NFC) and lower case.
        case huggingFace = "hugging-face"

        /// Like OpenAI's `clip.tokenize`: damaged text is repaired first (`ftfy.fix_text`), and HTML entities are
        /// resolved.
        case openAI = "openai"

        /// Like `open_clip.tokenize`: same as OpenAI's, but the special tokens are written `<start_of_text>` and
        /// `<end_of_text>`.
        case openCLIP = "open-clip"
    }

    /// How text is prepared.
    public let flavor: Flavor

    /// The id before every text.
    public let startToken: Int

    /// The id after every text.
    public let endToken: Int

    /// The id that pads the rows of a batch: the end token in Hugging Face's checkpoints, 0 in the others.
    public let paddingToken: Int

    /// The number of ids, including special tokens.
    public let vocabularyCount: Int

    /// Whether tokens were added to the vocabulary.
    private let hasAddedTokens: Bool

    /// The usual length of a row, 77 in all published CLIPs.
    public static let contextLength = 77

    let encoding: BytePairEncoding

    /// Tokens searched for in the original text: the special ones, and added ones of that kind.
    let givenTokens: AddedTokenFinder

    /// Added tokens searched for in prepared text.
    let preparedTokens: AddedTokenFinder

    private let cache = Mutex(WordCache())

    /// Creates a tokenizer from its parts.
    ///
    /// - Throws: ``CLIPError`` if an id is out of range.
    convenience init(
        encoding: BytePairEncoding, flavor: Flavor, startToken: Int, endToken: Int, paddingToken: Int? = nil,
        added: [AddedToken] = []
    ) throws {
        let padding = paddingToken ?? Self.usualPadding(flavor, endToken)
        for id in [startToken, endToken, padding] + added.map(\.id) where Int32(exactly: id) == nil || id < 0
        {
            throw CLIPError(reason: "the id \(id) of a special token is out of range")
        }
        self.init(
            trusted: encoding, flavor, startToken: startToken, endToken: endToken, paddingToken: padding,
            added: added)
    }

    private init(
        trusted encoding: BytePairEncoding, _ flavor: Flavor, startToken: Int, endToken: Int,
        paddingToken: Int, added: [AddedToken]
    ) {
        self.encoding = encoding
        self.flavor = flavor
        self.startToken = startToken
        self.endToken = endToken
        self.paddingToken = paddingToken
        hasAddedTokens = !added.isEmpty
        vocabularyCount =
            max(encoding.ids.values.max() ?? 0, startToken, endToken, added.map(\.id).max() ?? 0) + 1
        let special = [(Self.startName, startToken), (Self.endName, endToken)].map {
            AddedToken(content: $0, id: $1, isNormalized: false)
        }
        givenTokens = AddedTokenFinder(special + added.filter { !$0.isNormalized }) {
            Array($0.content.unicodeScalars)
        }
        preparedTokens = AddedTokenFinder(added.filter(\.isNormalized)) {
            TextPreparation.huggingFace(Array($0.content.unicodeScalars)[...], unifyingSpace: true)
        }
    }

    private static func usualPadding(_ flavor: Flavor, _ endToken: Int) -> Int {
        flavor == .huggingFace ? endToken : 0
    }

    /// The same vocabulary with a different preparation of text, and that family's usual padding.
    package func prepared(as flavor: Flavor) -> Tokenizer {
        flavor == self.flavor
            ? self
            : Tokenizer(
                trusted: encoding, flavor, startToken: startToken, endToken: endToken,
                paddingToken: Self.usualPadding(flavor, endToken), added: [])
    }

    /// The ids of a text with start and end token, without a length limit.
    public func encode(_ text: String) -> [Int] {
        var ids: [Int32] = []
        cache.withLock { append(text, to: &ids, &$0) }
        return ids.map { Int($0) }
    }

    /// The ids of texts in rows of equal length: longer ones are truncated to `contextLength` - 2 ids between start and
    /// end token, shorter ones padded with ``paddingToken``.
    ///
    /// - Throws: ``CLIPError`` if a row has no room for start and end token.
    public func encode(_ texts: [String], contextLength: Int = contextLength) throws -> TokenBatch {
        guard contextLength >= 2, contextLength <= 1 << 20 else {
            throw CLIPError(
                reason:
                    "rows of \(contextLength) ids are not possible: 2 to \(1 << 20) have room for start and end token"
            )
        }
        var rows: [Int64] = []
        rows.reserveCapacity(texts.count * contextLength)
        var lengths: [Int] = []
        lengths.reserveCapacity(texts.count)
        var ids: [Int32] = []
        var truncated: [Int: Int] = [:]
        cache.withLock { cache in
            for (row, text) in texts.enumerated() {
                ids.removeAll(keepingCapacity: true)
                append(text, to: &ids, &cache)
                if ids.count > contextLength {
                    truncated[row] = ids.count
                    ids.removeLast(ids.count - contextLength)
                    ids[contextLength - 1] = Int32(endToken)
                }
                lengths.append(ids.count)
                for id in ids { rows.append(Int64(id)) }
                for _ in ids.count..<contextLength { rows.append(Int64(paddingToken)) }
            }
        }
        return TokenBatch(
            ids: rows, lengths: lengths, contextLength: contextLength, truncated: truncated)
    }

    private func append(_ text: String, to ids: inout [Int32], _ cache: inout WordCache) {
        ids.append(Int32(startToken))
        var text = text
        let isPlain = !hasAddedTokens && text.withUTF8 { appendPlain($0, to: &ids, &cache) }
        if !isPlain { appendAny(text, to: &ids, &cache) }
        ids.append(Int32(endToken))
    }

    /// Appends the ids of one word in lower case, from the cache if it is there.
    func append(word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32], _ cache: inout WordCache) {
        if cache.append(word, to: &ids) { return }
        let start = ids.count
        encoding.encode(word, into: &ids)
        cache.insert(word, ids[start...])
    }
}

/// Token ids of several texts, in rows of equal length.
public struct TokenBatch: Sendable, Hashable {
    /// Row by row, [texts, contextLength].
    public let ids: [Int64]

    /// The number of ids of each text before padding, including start and end token.
    public let lengths: [Int]

    /// The length of a row.
    public let contextLength: Int

    /// The number of ids before truncation of each truncated text, by row.
    public let truncated: [Int: Int]

    /// The ids of one text, without padding.
    package func row(_ index: Int) -> ArraySlice<Int64> {
        ids[index * contextLength..<index * contextLength + lengths[index]]
    }

    /// 1 for ids of the text, including start and end token, 0 for padding; row by row, [texts, contextLength].
    package var attentionMask: [Int64] {
        lengths.flatMap { length in (0..<contextLength).map { $0 < length ? 1 : 0 } }
    }

    /// The ids as a tensor [texts, contextLength], int64, on the CPU.
    public func tensor() throws -> Tensor {
        try Tensor(ids, shape: [lengths.count, contextLength])
    }
}
