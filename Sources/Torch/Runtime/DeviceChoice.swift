import Support

/// A device as a user names it: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
public enum DeviceChoice: Sendable, Hashable, CustomStringConvertible {
    /// A GPU that works, otherwise the processor.
    case automatic
    /// This device and no other.
    case device(Device)

    /// What a user may write.
    public static let allowed = "auto, cpu, cuda, cuda:N (N from 0) or mps"

    /// Reads the name of a device.
    /// - Throws: ``DeviceError`` that lists what may be written.
    public init(_ text: String) throws {
        if text == "auto" {
            self = .automatic
            return
        }
        guard let device = Device(text), device.kind != .meta,
            device.kind == .cuda || device.index == nil || device.kind == .registered
        else {
            throw DeviceError(
                "device '\(text)'", "is not known: \(Self.allowed) is needed", exitStatus: .usage)
        }
        self = .device(device)
    }

    /// The name.
    public var description: String {
        switch self {
        case .automatic: "auto"
        case .device(let device): device.description
        }
    }

    /// The device that is meant, which works.
    /// - Parameter note: Receives what `auto` has chosen, where there was a choice.
    /// - Throws: ``DeviceError`` when the device that was named is not there or does not work.
    public func resolved(note: (String) -> Void = { _ in }) throws -> Device {
        switch self {
        case .device(let device):
            let checked = try device.checked()
            if !checked.isProcessor { try Self.tried(checked) }
            return checked
        case .automatic:
            return Self.automatic(
                [.cuda, .mps].map { Device($0) }.filter { Device.count(of: $0.kind) > 0 }, note)
        }
    }

    /// The first of some devices that works, otherwise the processor.
    static func automatic(_ devices: [Device], _ note: (String) -> Void) -> Device {
        for device in devices {
            do {
                let checked = try device.checked()
                try tried(checked)
                note("runs on \(checked)")
                return checked
            } catch {
                note("\(error); the processor is used")
            }
        }
        return .cpu
    }

    private static func tried(_ device: Device) throws {
        do { try device.tryOut() } catch let error as TorchError {
            throw DeviceError(device.description, "is there but does not work: \(error.reason)")
        }
    }
}

extension DeviceChoice: Codable {
    /// Reads the name of a device.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do { try self.init(text) } catch {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "must be \(Self.allowed), not '\(text)'")
        }
    }

    /// Writes the name of the device.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
