extension DetectorConfiguration {
    /// The names and descriptions of complete configurations.
    public static let presets: [(name: String, about: String)] = [
        (
            "published",
            "The published F-VLM at 1024 pixels; R50, R50x4, R50x16 or R50x64, depending on the CLIP."
        ),
        ("published-512", "The same at 512 pixels, for smaller machines."),
        ("published-small", "The published family in a small size, for processors."),
        ("vit", "A vision transformer with detectron2's heads, at 640 pixels."),
        ("vit-224", "The same at 224 pixels."),
        ("vit-small", "The vision transformer family in a small size, for processors."),
    ]

    /// Creates the configuration of that name.
    /// - Throws: ``ConfigurationError`` listing the names.
    public init(preset name: String) throws {
        self.init()
        switch name {
        case "published": break
        case "published-512": input.size = 512
        case "published-small":
            input.size = 320
            network.width = 96
            network.hidden = 384
            network.proposalCandidates = [1000, 500]
            network.proposalCount = [500, 300]
            learning.regionsPerImage = 128
        case "vit", "vit-224", "vit-small":
            family = .detectron2
            input.size = name == "vit-224" ? 224 : name == "vit-small" ? 320 : 640
            if name == "vit-small" {
                network.width = 96
                network.hidden = 384
                trunk.adapterChannels = [96, 96, 96, 96]
                network.proposalCandidates = [1000, 500]
                network.proposalCount = [500, 300]
                learning.regionsPerImage = 128
            }
        default:
            throw ConfigurationError(
                key: "preset",
                reason: "'\(name)' is not one of \(Self.presets.map(\.name).joined(separator: ", "))")
        }
    }
}
