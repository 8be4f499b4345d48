internal import CTorch
import Foundation
import Support

extension Device {
    /// What there is of a family of devices.
    public enum Availability: Sendable, Hashable {
        /// libtorch was built without code for it.
        case notBuilt
        /// There is no driver, or no device.
        case noDevice
        /// So many devices.
        case devices(Int)
    }

    /// What there is of a family of devices on this machine.
    public static func availability(of kind: Kind) -> Availability {
        guard ct_device_is_built(kind.code) else { return .notBuilt }
        let count = count(of: kind)
        return count > 0 ? .devices(count) : .noDevice
    }

    /// How many devices of a family libtorch can use here.
    public static func count(of kind: Kind) -> Int { Int(ct_device_count(kind.code)) }

    /// The device with its index, if this machine has it.
    /// - Throws: ``DeviceError`` that tells apart a libtorch without code for it, a machine without a driver or a device,
    ///   and an index beyond the last device.
    public func checked() throws -> Device {
        try checked(Self.availability(of: kind))
    }

    /// As ``checked()`` on a machine that has this.
    func checked(_ availability: Availability) throws -> Device {
        guard kind != .other, kind != .meta else {
            throw DeviceError(description, "computes nothing here")
        }
        switch availability {
        case .notBuilt where kind == .mps:
            throw DeviceError(description, "this libtorch is built without Apple's GPUs")
        case .notBuilt where kind == .cuda:
            throw DeviceError(
                description, "this libtorch is built for the processor alone",
                advice: "Tools/setup --cuda brings one with CUDA")
        case .notBuilt: throw DeviceError(description, "no backend is registered")
        case .noDevice where kind == .cuda:
            throw DeviceError(description, "there is no NVIDIA driver or no GPU on this machine")
        case .noDevice: throw DeviceError(description, "there is no such device on this machine")
        case .devices(let count):
            guard index ?? 0 < count else {
                let indices = (0..<count).map { "\(kind.rawValue):\($0)" }.joined(separator: ", ")
                throw DeviceError(
                    description,
                    count == 1
                        ? "there is only one device, \(indices)"
                        : "there are only \(count) devices, \(indices)")
            }
        }
        return kind == .cuda || kind == .registered ? Device(kind, index: index ?? 0) : Device(kind)
    }

    /// Computes a little on the device.
    /// - Throws: ``TorchError`` when that fails, ``DeviceError`` when the results are wrong.
    func tryOut() throws {
        let ones = try Tensor.ones([1, 4, 8, 8], device: self)
        let sums = try ones.conv2d(Tensor.ones([2, 4, 3, 3], device: self))
        let products = try Tensor.ones([4, 8], device: self).matmul(Tensor.ones([8, 4], device: self))
        let numbers = try sums.flattened().array(of: Float.self) + products.flattened().array(of: Float.self)
        guard numbers == [Float](repeating: 36, count: 72) + [Float](repeating: 8, count: 16) else {
            throw DeviceError(description, "computes wrong sums")
        }
    }

    // MARK: Work

    /// Waits until everything is done that was begun on the device.
    /// - Throws: ``TorchError`` that some operator begun before has failed with.
    public func synchronize() throws {
        try check(ct_device_synchronize(code), "synchronize", [description])
    }

    /// The bytes of tensors on the device now, and the most there were since ``resetPeakMemory()``; nil where they are not
    /// counted, as on the processor.
    public var memory: (held: Int, peak: Int)? {
        var (held, peak): (Int64, Int64) = (0, 0)
        return ct_device_memory(code, &held, &peak) ? (Int(held), Int(peak)) : nil
    }

    /// Begins to count the most bytes anew.
    public func resetPeakMemory() throws {
        try check(ct_device_reset_peak(code), "resetPeakMemory", [description])
    }

    /// Returns memory of the device that no tensor uses to the system.
    package func releaseUnusedMemory() throws {
        try check(ct_device_empty_cache(code), "releaseUnusedMemory", [description])
    }

    /// The version of NVIDIA's driver, if there is one.
    package static var driverVersion: String? {
        guard let text = try? TextFile(contentsOf: "/proc/driver/nvidia/version").text else {
            return nil
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        return words.first { $0.first?.isNumber == true && $0.contains(".") }.map(String.init)
    }
}

/// A device that cannot be used, or does not exist.
public struct DeviceError: ReportedError, Hashable {
    /// The device, as it was asked for.
    public let subject: String

    /// Why it cannot be used.
    public let reason: String

    /// What helps.
    public let advice: String?

    /// `usage` for a text that names no device, otherwise `failure`: the machine lacks what is wanted.
    public let exitStatus: ExitStatus

    init(_ subject: String, _ reason: String, advice: String? = nil, exitStatus: ExitStatus = .failure) {
        self.subject = subject
        self.reason = reason
        self.advice = advice
        self.exitStatus = exitStatus
    }
}
