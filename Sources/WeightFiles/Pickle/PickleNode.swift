/// The index of a value in ``PickleContents/nodes``.
typealias PickleNodeID = Int32

/// One value of a pickle.
///
/// Values refer to each other by index: a value that is used many times, or that contains itself, costs nothing extra
/// to keep, traverse or free.
enum PickleNode: Sendable {
    case none
    case boolean(Bool)
    case integer(Int64)

    /// An integer of more than 64 bits, of which only the size is kept.
    case longInteger(byteCount: Int)
    case real(Double)

    /// UTF-8 text in the file.
    case text(offset: Int, count: Int)

    /// A string of Python 2 in the file: bytes or Latin-1 text.
    case byteString(offset: Int, count: Int)
    case bytes(offset: Int, count: Int)

    /// Bytes that the file stores as text.
    case decodedBytes(Int)

    /// `count` elements in ``PickleContents/children``, starting at `first`.
    case tuple(first: Int, count: Int)

    /// An index into ``PickleContents/lists``; also used for sets.
    case list(Int)
    case dictionary(Int)
    case object(Int)
    case tensor(Int)

    // Not useful outside of constructors.
    case storage(Int)
    case arrayType(Int)

    /// An index into ``PickleContents/globals``.
    case global(Int)
}

/// An instance of a class of a TorchScript archive.
struct PickledObject: Sendable {
    let className: String
    var state: PickleNodeID?
}

/// A torch storage that a pickle names; its bytes are elsewhere.
struct PickledStorage: Sendable {
    let key: String
    let type: PickledElementType

    /// The number of elements stated by the pickle.
    let count: Int

    /// Nil if the number is absurd.
    var byteCount: Int? {
        let (product, overflow) = count.multipliedReportingOverflow(by: type.byteCount)
        return count < 0 || overflow ? nil : product
    }
}

/// A tensor of a pickle under construction.
enum PickledTensor: Sendable {
    /// A numpy array whose contents have not been read yet.
    case empty

    /// A view of a storage whose bytes are not known yet.
    case view(storage: Int, dtype: DType, offset: Int, shape: [Int], strides: [Int])

    /// Complete; `storage` is the index of its torch storage.
    case stored(StoredTensor, storage: Int?)

    /// Not representable as a ``StoredTensor``, with the reason.
    case unsupported(String)
}

/// A numpy type, whose byte order is set after its creation.
struct PickledArrayType: Sendable {
    var type: PickledElementType
    var isBigEndian = false
}

/// All contents of a pickle.
struct PickleContents: Sendable {
    /// The file, for text and bytes in place.
    let bytes: TensorStorage
    var nodes: [PickleNode] = []
    var children: [PickleNodeID] = []
    var lists: [[PickleNodeID]] = []

    /// Alternating keys and values.
    var dictionaries: [[PickleNodeID]] = []
    var objects: [PickledObject] = []
    var decoded: [TensorStorage] = []
    var tensors: [PickledTensor] = []
    var storages: [PickledStorage] = []
    var arrayTypes: [PickledArrayType] = []
    var globals: [PickleGlobal] = []

    /// The bytes of a node, in place; nil if it has none.
    func storage(of node: PickleNode) -> TensorStorage? {
        switch node {
        case .bytes(let offset, let count), .byteString(let offset, let count):
            bytes.slice(offset..<offset + count)
        case .decodedBytes(let index): decoded[index]
        default: nil
        }
    }

    /// The text of a node; nil if it is not text or not valid UTF-8.
    func string(_ node: PickleNode) -> String? {
        bytes.withUnsafeBytes { bytes in
            switch node {
            case .text(let offset, let count):
                String(validating: bytes[offset..<offset + count], as: UTF8.self)
            case .byteString(let offset, let count):
                String(String.UnicodeScalarView(bytes[offset..<offset + count].map { UnicodeScalar($0) }))
            default: nil
            }
        }
    }
}
