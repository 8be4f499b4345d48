import Support

extension StageProfile {
    /// Nothing measured yet of work on a device: it is waited for at the end of each stage, whose peak of memory is kept.
    package convenience init(on device: Device) {
        guard !device.isProcessor else {
            self.init()
            return
        }
        self.init(
            AsynchronousDevice(
                synchronize: { try? device.synchronize() },
                peakBytes: {
                    defer { try? device.resetPeakMemory() }
                    return device.memory?.peak
                }))
    }
}
