/// Whether the checksums of an archive's tensors are compared with their bytes.
///
/// Everything else of an archive, such as the description of its tensors, is always compared.
public enum ChecksumPolicy: Sendable, Hashable {
    /// When a tensor is first asked for, all bytes of its record are read and compared.
    case verified

    /// Not compared: for files saved without checksums (`torch.serialization.set_crc32_options(False)`).
    case ignored
}
