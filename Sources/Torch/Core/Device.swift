internal import CTorch

/// Where a tensor lives and its operators run.
public struct Device: Sendable, Hashable, CustomStringConvertible {
    /// A family of devices.
    public enum Kind: String, Sendable, CaseIterable {
        /// The processor and its main memory.
        case cpu
        /// NVIDIA's GPUs.
        case cuda
        /// Apple's GPUs.
        case mps
        /// Shapes without elements.
        case meta

        var code: Int32 {
            switch self {
            case .cpu: 0
            case .cuda: 1
            case .mps: 13
            case .meta: 14
            }
        }
    }

    /// The family.
    public let kind: Kind

    /// Which of the family's devices; `nil` is the current one.
    public let index: Int?

    /// The processor.
    public static let cpu = Device(.cpu)

    /// Apple's GPU.
    public static let mps = Device(.mps)

    /// Shapes without elements: for planning, not for computing.
    public static let meta = Device(.meta)

    /// One of NVIDIA's GPUs.
    public static func cuda(_ index: Int = 0) -> Device { Device(.cuda, index: index) }

    /// A device of a family.
    public init(_ kind: Kind, index: Int? = nil) {
        self.kind = kind
        self.index = index
    }

    /// Reads PyTorch's notation: `cpu`, `mps`, `cuda`, `cuda:1`.
    public init?(_ description: String) {
        let parts = description.split(separator: ":", omittingEmptySubsequences: false)
        guard let kind = Kind(rawValue: String(parts[0])), parts.count <= 2 else { return nil }
        if parts.count == 2 {
            guard let index = Int(parts[1]), (0..<128).contains(index) else { return nil }
            self.init(kind, index: index)
        } else {
            self.init(kind)
        }
    }

    /// How many devices of a family libtorch can use here.
    public static func count(of kind: Kind) -> Int { Int(ct_device_count(kind.code)) }

    /// PyTorch's notation.
    public var description: String { index.map { "\(kind.rawValue):\($0)" } ?? kind.rawValue }

    var code: ct_device { ct_device(type: kind.code, index: Int32(clamping: index ?? -1)) }

    init(_ code: ct_device) {
        let kind = Kind.allCases.first { $0.code == code.type } ?? .cpu
        self.init(kind, index: code.index < 0 || kind == .cpu ? nil : Int(code.index))
    }
}
