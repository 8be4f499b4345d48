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
        ("fvit-coco-b16", "F-ViT on EVA-02 B/16 with the settings of OV-COCO: boxes, at 640 pixels."),
        ("fvit-coco-l14", "The same on EVA-02 L/14-336, at 896 pixels."),
        ("fvit-lvis-b16", "F-ViT on EVA-02 B/16 with the settings of OV-LVIS: masks, at 1024 pixels."),
        ("fvit-lvis-l14", "The same on EVA-02 L/14-336, at 896 pixels."),
        (
            "pe",
            "F-ViT's heads on a Perception Encoder of any size, at 672 pixels; regions by its pooling head."
        ),
        ("pe-small", "The same in a small size, for processors."),
    ]

    /// Creates the configuration of that name.
    /// - Throws: `ConfigurationError` listing the names.
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
        case "fvit-coco-b16", "fvit-coco-l14", "fvit-lvis-b16", "fvit-lvis-l14":
            let (isLVIS, isLarge) = (name.hasPrefix("fvit-lvis"), name.hasSuffix("l14"))
            family = .fvit
            input.size = isLarge ? 896 : isLVIS ? 1024 : 640
            input.normalization = .imageNet
            input.resampling = .interpolated
            network.hidden = isLarge ? 768 : 512
            network.masks = isLVIS
            network.normalizesProposals = isLVIS
            network.proposalCandidates = [2000, 2000]
            scoring = .fvit(isLVIS ? isLarge ? .lvisLarge : .lvis : .coco)
            learning.temperature = 0.02
            learning.backgroundWeight = isLVIS ? 0.9 : 0.2
        case "pe", "pe-small":
            family = .fvit
            input.size = name == "pe" ? 672 : 336
            input.normalization = .half
            network.hidden = 512
            network.normalizesProposals = true
            network.proposalCandidates = [2000, 2000]
            learning.temperature = 0.02
            if name == "pe-small" {
                network.width = 96
                network.hidden = 384
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
