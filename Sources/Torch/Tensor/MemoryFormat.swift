internal import CTorch

/// In which order the elements of a tensor lie in memory.
public enum MemoryFormat: Sendable, Hashable {
    /// Row by row, the last dimension innermost.
    case contiguous
    /// Four-dimensional tensors of shape N, C, H, W with C innermost; what convolutions on a CPU are fastest with.
    case channelsLast
    /// As the input has it.
    case preserve

    var code: ct_memory_format {
        switch self {
        case .contiguous: CT_CONTIGUOUS
        case .channelsLast: CT_CHANNELS_LAST
        case .preserve: CT_PRESERVE
        }
    }
}
