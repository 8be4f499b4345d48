/// The number of a value in ``PickleContents/nodes``.
typealias PickleNodeID = Int32

/// One value of a pickle.
///
/// Values name each other by number: a value that is used many times, or that holds itself, costs nothing
/// extra to keep, to walk or to free.
enum PickleNode: Sendable {
    case none
    case boolean(Bool)
    case integer(Int64)

    /// A whole number of more than 64 bits, of which only the size is kept.
    case longInteger(byteCount: Int)
    case real(Double)

    /// UTF-8 text in the file.
    case text(offset: Int, count: Int)

    /// A string of Python 2 in the file: bytes or Latin-1 text.
    case byteString(offset: Int, count: Int)
    case bytes(offset: Int, count: Int)

    /// Bytes that the file has as text.
    case decodedBytes(Int)

    /// `count` elements in ``PickleContents/children`` from `first`.
    case tuple(first: Int, count: Int)

    /// An index into ``PickleContents/lists``; sets too.
    case list(Int)
    case dictionary(Int)
    case object(Int)
    case tensor(Int)

    // Of no use outside of the constructors.
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

/// A storage of torch that a pickle names; its bytes are elsewhere.
struct PickledStorage: Sendable {
    let key: String
    let type: PickledElementType

    /// The number of elements that the pickle claims.
    let count: Int

    /// Nil when that number is absurd.
    var byteCount: Int? {
        let (product, overflow) = count.multipliedReportingOverflow(by: type.byteCount)
        return count < 0 || overflow ? nil : product
    }
}

/// A tensor of a pickle on its way.
enum PickledTensor: Sendable {
    /// A numpy array whose contents have not come yet.
    case empty

    /// A view of a storage whose bytes are not known yet.
    case view(storage: Int, dtype: DType, offset: Int, shape: [Int], strides: [Int])

    /// Complete; `storage` is the number of its torch storage.
    case stored(StoredTensor, storage: Int?)

    /// Of a kind that no ``StoredTensor`` can be; why.
    case unsupported(String)
}

/// A numpy type, whose byte order comes after it was made.
struct PickledArrayType: Sendable {
    var type: PickledElementType
    var isBigEndian = false
}

/// Everything that a pickle holds.
struct PickleContents: Sendable {
    /// The file, for text and bytes in place.
    let bytes: TensorStorage
    var nodes: [PickleNode] = []
    var children: [PickleNodeID] = []
    var lists: [[PickleNodeID]] = []

    /// Keys and values in turn.
    var dictionaries: [[PickleNodeID]] = []
    var objects: [PickledObject] = []
    var decoded: [TensorStorage] = []
    var tensors: [PickledTensor] = []
    var storages: [PickledStorage] = []
    var arrayTypes: [PickledArrayType] = []
    var globals: [PickleGlobal] = []

    /// The bytes of a node, in place; nil when it has none.
    func storage(of node: PickleNode) -> TensorStorage? {
        switch node {
        case .bytes(let offset, let count), .byteString(let offset, let count):
            bytes.slice(offset..<offset + count)
        case .decodedBytes(let index): decoded[index]
        default: nil
        }
    }

    /// The text of a node; nil when it is none or is not valid UTF-8.
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
