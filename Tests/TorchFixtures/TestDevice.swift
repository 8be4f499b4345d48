import CFakeDevice
import Foundation
import Torch

/// The device of the parity tests: the processor, or what `FVLM_TEST_DEVICE` names.
///
/// `registered` is the stand-in for a GPU that these tests bring.
package enum TestDevice {
    /// The device; naming one that is not there ends the tests.
    package static let current: Device = {
        let name = ProcessInfo.processInfo.environment["FVLM_TEST_DEVICE"] ?? "cpu"
        if name.hasPrefix(Device.Kind.registered.rawValue) { fake_device_prepare() }
        do {
            Runtime.setTensorFloat32(false)
            return try DeviceChoice(name).resolved()
        } catch { fatalError("FVLM_TEST_DEVICE: \(error)") }
    }()
}

extension ParameterStore {
    /// Moves the values to the device of the parity tests.
    package func moveToTestDevice() throws {
        if TestDevice.current != .cpu { try convert(device: TestDevice.current) }
    }
}
