import Testing

@testable import Torch

/// The names of devices, and what is said of those that are not there.
@Suite struct DeviceChoiceTests {
    @Test(arguments: [
        ("auto", DeviceChoice.automatic), ("cpu", .device(.cpu)), ("cuda", .device(Device(.cuda))),
        ("cuda:3", .device(.cuda(3))), ("mps", .device(.mps)),
    ])
    func namesAreRead(_ text: String, _ choice: DeviceChoice) throws {
        #expect(try DeviceChoice(text) == choice)
        #expect(choice.description == text)
    }

    @Test(arguments: ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "mps:1", "meta", "CPU", "other"])
    func otherNamesAreRefusedWithTheAllowedOnes(_ text: String) throws {
        let error = try #require(throws: DeviceError.self) { try DeviceChoice(text) }
        #expect(
            error.description
                == "device '\(text)': is not known: auto, cpu, cuda, cuda:N (N from 0) or mps is needed")
        #expect(error.exitStatus == .usage)
    }

    @Test func whyADeviceIsNotThereIsToldApart() throws {
        func message(_ device: Device, _ availability: Device.Availability) throws -> String {
            try #require(throws: DeviceError.self) { try device.checked(availability) }.description
        }
        #expect(
            try message(.cuda(), .notBuilt)
                == "cuda:0: this libtorch is built for the processor alone; Tools/setup --cuda brings one with CUDA"
        )
        #expect(
            try message(Device(.cuda), .noDevice)
                == "cuda: there is no NVIDIA driver or no GPU on this machine")
        #expect(
            try message(.cuda(3), .devices(2)) == "cuda:3: there are only 2 devices, cuda:0, cuda:1")
        #expect(try message(.cuda(1), .devices(1)) == "cuda:1: there is only one device, cuda:0")
        #expect(try message(.mps, .notBuilt) == "mps: this libtorch is built without Apple's GPUs")
        #expect(try message(.meta, .devices(1)) == "meta: computes nothing here")
        #expect(try Device(.cuda).checked(.devices(2)) == .cuda(0))
        #expect(try Device.cuda(1).checked(.devices(2)) == .cuda(1))
        #expect(try Device.cpu.checked() == .cpu)
    }

    /// On machines without a GPU, which the libtorch of this build may have code for or not.
    @Test(.enabled(if: Device.count(of: .cuda) == 0)) func aMachineWithoutGPUSaysSo() throws {
        let error = try #require(throws: DeviceError.self) { try DeviceChoice("cuda").resolved() }
        #expect(error.exitStatus == .failure)
        #expect(
            error.reason
                == (Device.availability(of: .cuda) == .notBuilt
                    ? "this libtorch is built for the processor alone"
                    : "there is no NVIDIA driver or no GPU on this machine"))
        var notes: [String] = []
        if Device.count(of: .mps) == 0 {
            #expect(try DeviceChoice.automatic.resolved { notes.append($0) } == .cpu)
            #expect(notes.isEmpty)
        }
    }

    @Test func unknownKindsAreNotTheProcessor() throws {
        let device = Device(.other)
        #expect(!device.isProcessor)
        #expect(throws: DeviceError.self) { try device.checked() }
        #expect(throws: TorchError.self) { try Tensor.ones([1]).to(device: device) }
        #expect(throws: TorchError.self) { try Tensor.zeros([1], device: device) }
    }
}

extension OnDevice {
    @Suite struct AutomaticDeviceTests {
        @Test func aDeviceThatWorksIsTakenAndSaid() throws {
            var notes: [String] = []
            #expect(DeviceChoice.automatic([FakeDevice.device]) { notes.append($0) } == FakeDevice.device)
            #expect(notes == ["runs on registered:0"])
            #expect(try DeviceChoice.device(Device(.registered)).resolved() == FakeDevice.device)
        }

        @Test func oneThatDoesNotWorkIsPassedOver() throws {
            var notes: [String] = []
            #expect(DeviceChoice.automatic([Device(.registered, index: 4)]) { notes.append($0) } == .cpu)
            #expect(
                notes == ["registered:4: there is only one device, registered:0; the processor is used"])
        }
    }
}
