/// The detectors released by Google, and the files needed for each.
///
/// Addresses are from google-research's `fvlm/README.md` and OpenAI's `clip/clip.py`, which also contains the digests
/// of its archives.
public enum PublishedRelease: String, Sendable, Hashable, CaseIterable {
    /// Based on CLIP's ResNet-50.
    case r50
    /// Based on the ResNet-50 of 4 times the compute.
    case r50x4
    /// Based on the ResNet-50 of 16 times the compute.
    case r50x16

    /// A downloadable file.
    public struct File: Sendable, Hashable {
        /// The file's name.
        public let name: String
        /// The file's address.
        public let address: String
        /// Its SHA-256, if it is published.
        public let sha256: String?
    }

    /// The detector's weights. Their digest is not published: conversion checks every array, and those of the image
    /// tower against the CLIP.
    public var checkpoint: File {
        let name = "\(rawValue)_checkpoint_184000"
        let folder =
            "https://storage.googleapis.com/cloud-tpu-checkpoints/detection/projects/fvlm/jax_checkpoints"
        return File(name: name, address: "\(folder)/\(name)", sha256: nil)
    }

    /// The CLIP that the detector was trained with.
    public var clip: File {
        let (name, digest) =
            switch self {
            case .r50: ("RN50.pt", "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762")
            case .r50x4: ("RN50x4.pt", "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd")
            case .r50x16: ("RN50x16.pt", "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa")
            }
        return File(
            name: name, address: "https://openaipublic.azureedge.net/clip/models/\(digest)/\(name)",
            sha256: digest)
    }

    /// The vocabulary of CLIP's tokenizer, from OpenAI's repository. OpenAI publishes no digest of it; this one is used
    /// by other projects that download it.
    public static let tokenizer = File(
        name: "bpe_simple_vocab_16e6.txt.gz",
        address: "https://raw.githubusercontent.com/openai/CLIP/main/clip/bpe_simple_vocab_16e6.txt.gz",
        sha256: "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a")
}
