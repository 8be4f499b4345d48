import FVLMCommand
import Torch

extension ThreadArguments {
    /// Sets the number of threads of libtorch and of the kernels.
    func apply() throws {
        if count > 0 { try Runtime.setThreadCount(count) }
    }
}
