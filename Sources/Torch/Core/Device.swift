internal import CTorch

/// The device that stores a tensor and runs its operators.
public struct Device: Sendable, Hashable, CustomStringConvertible {
    /// A family of devices.
    public enum Kind: String, Sendable, CaseIterable {
        /// The CPU and main memory.
        case cpu
        /// NVIDIA GPUs.
        case cuda
        /// Apple GPUs.
        case mps
        /// Shapes without elements.
        case meta
        /// A backend that the program has registered with libtorch itself, PyTorch's `PrivateUse1`.
        case registered
        /// Any other that libtorch has; this library neither makes nor reads tensors there.
        case other

        var code: Int32 {
            switch self {
            case .cpu: 0
            case .cuda: 1
            case .mps: 13
            case .meta: 14
            case .registered: 20
            case .other: -1
            }
        }
    }

    /// The kind of device.
    public let kind: Kind

    /// The index among devices of this kind; `nil` for the current one.
    public let index: Int?

    /// The CPU.
    public static let cpu = Device(.cpu)

    /// The Apple GPU.
    public static let mps = Device(.mps)

    /// Shapes without elements: for planning, not for computing.
    public static let meta = Device(.meta)

    /// An NVIDIA GPU.
    public static func cuda(_ index: Int = 0) -> Device { Device(.cuda, index: index) }

    /// Creates a device.
    public init(_ kind: Kind, index: Int? = nil) {
        self.kind = kind
        self.index = index
    }

    /// Parses PyTorch's notation: `cpu`, `mps`, `cuda`, `cuda:1`.
    public init?(_ description: String) {
        let parts = description.split(separator: ":", omittingEmptySubsequences: false)
        guard let kind = Kind(rawValue: String(parts[0])), kind != .other, parts.count <= 2 else {
            return nil
        }
        if parts.count == 2 {
            guard let index = Int(parts[1]), (0..<128).contains(index) else { return nil }
            self.init(kind, index: index)
        } else {
            self.init(kind)
        }
    }

    /// Whether this is the CPU, whose memory the program can read.
    package var isProcessor: Bool { kind == .cpu }

    /// Whether copies from pinned memory to this device run beside computations: on NVIDIA's GPUs.
    package var copiesAsynchronously: Bool { kind == .cuda || kind == .registered }

    /// PyTorch's notation.
    public var description: String { index.map { "\(kind.rawValue):\($0)" } ?? kind.rawValue }

    var code: ct_device { ct_device(type: kind.code, index: Int32(clamping: index ?? -1)) }

    init(_ code: ct_device) {
        let kind = Kind.allCases.first { $0.code == code.type } ?? .other
        let isOnlyOne = kind == .cpu || kind == .mps || kind == .meta
        self.init(kind, index: code.index < 0 || isOnlyOne ? nil : Int(code.index))
    }
}
