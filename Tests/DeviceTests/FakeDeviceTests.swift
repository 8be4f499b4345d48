import CFakeDevice
import CTorch
import Foundation
import Testing

@testable import Torch

extension OnDevice {
    /// The stand-in itself: what it refuses, counts and keeps apart.
    @Suite struct FakeDeviceTests {
        let device = FakeDevice.device

        @Test func tensorsComputeAndComeBack() throws {
            let x = try Tensor([[1, 2], [3, 4]] as [[Float]]).to(device: device)
            #expect(x.device == device && x.summary == "float32[2, 2] registered:0")
            #expect(try (x.matmul(x) + 1).array(of: Float.self) == [8, 11, 16, 23])
            #expect(try x.sum().item() == 10)
            #expect(try x.to(device: .cpu, dtype: .float64).array(of: Double.self) == [1, 2, 3, 4])
            let y = try x.clone()
            try y.addInPlace(1)
            #expect(try y[0].array(of: Float.self) == [2, 3])
            #expect(try x.array(of: Float.self) == [1, 2, 3, 4])
        }

        @Test func gradientsAreThoseOfTheProcessor() throws {
            let generator = try Generator(seed: 1)
            let weight = try Tensor.randomNormal([8, 3, 3, 3], generator: generator)
            let input = try Tensor.randomNormal([2, 3, 16, 16], generator: generator)
            func gradient(_ device: Device) throws -> Tensor {
                let weight = try weight.clone().to(device: device).requiringGrad()
                try input.to(device: device).conv2d(weight, padding: 1).relu().square().mean().backward()
                return try #require(weight.grad)
            }
            let there = try gradient(device)
            #expect(there.device == device)
            #expect(try there.isNear(gradient(.cpu)))
        }

        @Test func devicesDoNotMeet() throws {
            let there = try Tensor.random([5, 4]).to(device: device)
            let rows = try Tensor([0, 2])
            #expect(throws: TorchError.self) { try there.indexSelected(0, rows) }
            #expect(throws: TorchError.self) { try rows.indexSelected(0, Tensor([0]).to(device: device)) }
            #expect(throws: TorchError.self) { try Tensor.cat([Tensor.zeros([0, 4]), there]) }
            #expect(throws: TorchError.self) {
                try Tensor.random([1, 3, 8, 8]).conv2d(Tensor.random([4, 3, 3, 3]).to(device: device))
            }
            #expect(throws: TorchError.self) {
                try Tensor.random([3], device: device, generator: Generator(seed: 1))
            }
            // As on CUDA: rows of the processor, which are sent, and single numbers.
            #expect(try there[rows].shape == [2, 4])
            #expect(try (there * Tensor(scalar: Float(2))).device == device)
        }

        @Test func whatWaitsIsCounted() throws {
            let (_, none) = try FakeDevice.counting {
                let x = try Tensor.random([64]).to(device: device)
                _ = try (x * 2 + 1).sum()
                try x.copyInPlace(Tensor.zeros([64]))
            }
            #expect(none.waits == 0 && none.copiesToDevice == 2, "\(none)")
            let (_, some) = try FakeDevice.counting {
                let x = try Tensor.random([64]).to(device: device)
                _ = try x.sum().item()
                _ = try (x .> 0.5).nonzeroIndices()
                _ = try x[[1, 2]]
            }
            #expect(some.waits >= 3 && some.copiesToHost == 1, "\(some)")
        }

        @Test func pinnedMemoryIsTold() throws {
            let pinned = try Tensor.emptyPinned([4], dtype: .uint8)
            try pinned.fillInPlace(3)
            let (there, counts) = try FakeDevice.counting { try pinned.to(device: device) }
            #expect(counts.pinnedCopies == 1 && counts.waits == 0)
            #expect(try there.array(of: UInt8.self) == [3, 3, 3, 3])
            let (_, more) = try FakeDevice.counting { try Tensor.ones([4]).pinned().to(device: device) }
            #expect(more.pinnedCopies == 1)
        }

        /// A stream sees what another one makes when it has waited for that.
        @Test func streamsAreKeptApart() throws {
            fake_device_set_stream(7)
            let made = try Tensor.ones([4], device: device)
            let more = try made + 1
            fake_device_set_stream(0)
            #expect(throws: TorchError.self) { try made + 1 }
            #expect(throws: TorchError.self) { try more.array(of: Float.self) }
        }

        @Test func uploadsRunBesideWhatIsComputed() throws {
            let pinned = try Tensor.emptyPinned([4], dtype: .uint8)
            try pinned.fillInPlace(3)
            let (upload, sent) = try FakeDevice.counting { try Upload(pinned, to: device) }
            #expect(sent.sideCopies == 1 && sent.pinnedCopies == 1 && sent.waits == 0, "\(sent)")
            let (sum, used) = try FakeDevice.counting { try upload.tensor() + upload.tensor() }
            #expect(used.copiesToDevice == 0 && used.waits == 0, "\(used)")
            #expect(try sum.array(of: Int.self) == [6, 6, 6, 6])
            // What lies in pageable memory is pinned first.
            let (_, pageable) = try FakeDevice.counting { try Upload(Tensor.ones([4]), to: device) }
            #expect(pageable.sideCopies == 1 && pageable.pinnedCopies == 1, "\(pageable)")
            // Elsewhere nothing runs beside.
            #expect(try Upload(pinned, to: .cpu).tensor().array(of: Int.self) == [3, 3, 3, 3])
            #expect(try Upload(sum, to: .cpu).tensor().array(of: Int.self) == [6, 6, 6, 6])
        }

        @Test func operatorsThatAddInAnyOrderAreRefusedInDeterministicRuns() throws {
            func gradient() throws -> Tensor? {
                let x = try Tensor.ones([1, 1, 2, 2]).to(device: device).requiringGrad()
                try x.interpolated(to: Size2D(4)).sum().backward()
                return x.grad
            }
            // Trainings of other tests set it too, so that only the refusal is certain.
            let before = Runtime.isDeterministic
            Runtime.setDeterministic(true)
            defer { Runtime.setDeterministic(before) }
            #expect(throws: TorchError.self) { try gradient() }
        }

        /// Numbers are converted on the processor.
        @Test func aDeviceWithoutFloat64IsReadAndWritten() throws {
            try FakeDevice.withoutDoubles {
                #expect(throws: TorchError.self) { try Tensor.zeros([1], dtype: .float64, device: device) }
                let x = try Tensor([1.5, 2.5] as [Double]).to(device: device, dtype: .float32)
                #expect(try x.array(of: Double.self) == [1.5, 2.5] && x.sum().item() == 4)
                #expect(try (x * 2.0 + 0.5).array(of: Float.self) == [3.5, 5.5])
            }
        }

        @Test func memoryIsCounted() throws {
            try device.resetPeakMemory()
            let before = try #require(device.memory)
            do {
                let block = try Tensor.zeros([1 << 20], dtype: .uint8, device: device)
                let now = try #require(device.memory)
                #expect(now.held - before.held == 1 << 20)
                withExtendedLifetime(block) {}
            }
            let after = try #require(device.memory)
            #expect(after.held == before.held && after.peak - before.held >= 1 << 20)
            #expect(Device.cpu.memory == nil)
            try device.synchronize()
            try device.releaseUnusedMemory()
        }

        /// In a process of its own, which ends by it.
        @Test func programsCannotReadItsMemory() async {
            await #expect(processExitsWith: .signal(SIGSEGV)) {
                let tensor = try Tensor.ones([4], device: FakeDevice.device)
                var data: UnsafeMutableRawPointer?
                ct_error_free(ct_tensor_data(tensor.handle, &data))
                print(data?.load(as: Float.self) ?? 0)
            }
            #expect(throws: TorchError.self) { try Tensor.ones([4], device: device).withBytes { _ in } }
        }

        @Test func castsAreSwitchedByDevice() throws {
            let x = try Tensor.ones([2, 3], device: device)
            try withAutocast(.bfloat16, device: device.kind) {
                #expect(try x.matmul(x.transposed(0, 1)).dtype == .bfloat16)
                #expect(try Tensor.ones([2, 2]).matmul(Tensor.ones([2, 2])).dtype == .float32)
                let inner = try withAutocast(nil, device: device.kind) { try x.matmul(x.transposed(0, 1)) }
                #expect(try inner.dtype == .float32)
                #expect(
                    try x.matmul(x.transposed(0, 1)).crossEntropy(Tensor([0, 1]).to(device: device)).dtype
                        == .float32)
            }
            let uncast = try withAutocast(.bfloat16) { try x.matmul(x.transposed(0, 1)) }
            #expect(try uncast.dtype == .float32)
        }

        @Test func itsRandomNumbersRepeat() throws {
            let stream = try Generator.standard(for: device)
            try stream.seed(7)
            let first = try Tensor.randomNormal([4], device: device)
            let state = try stream.state()
            let second = try Tensor.randomNormal([4], device: device)
            try stream.restore(state)
            #expect(try Tensor.randomNormal([4], device: device).isNear(second, relative: 0, absolute: 0))
            try stream.seed(7)
            #expect(try Tensor.randomNormal([4], device: device).isNear(first, relative: 0, absolute: 0))
        }
    }
}
