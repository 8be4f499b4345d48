import FVLM
import Support
import Testing

@Suite struct ConfigurationTests {
    @Test func whatIsNotSaidHasItsDefault() throws {
        let configuration = try DetectorConfiguration(
            yaml: "input: {size: 640, fitting: shortestSide}\nscoring:\n  novelWeight: 0.45\n")
        var expected = DetectorConfiguration()
        expected.input.size = 640
        expected.input.fitting = .shortestSide
        expected.scoring.novelWeight = 0.45
        #expect(configuration == expected)
        #expect(try DetectorConfiguration(yaml: "") == DetectorConfiguration())
        #expect(configuration.scoring.novelWeight == 0.45)
    }

    @Test func writtenAndReadAgainIsTheSame() throws {
        for (name, _) in DetectorConfiguration.presets {
            let preset = try DetectorConfiguration(preset: name)
            #expect(try DetectorConfiguration(yaml: preset.yaml()) == preset)
        }
        #expect(throws: ConfigurationError.self) { try DetectorConfiguration(preset: "huge") }
    }

    /// What files of earlier versions have for 'none'.
    @Test func earlierSpellingsOfNoneAreRead() throws {
        var notes: [String] = []
        let configuration = try DetectorConfiguration(
            yaml: """
                trunk: {featureBlock: 0}
                network: {anchorSizes: []}
                scoring: {scorer: automatic}
                learning: {masksPerImage: 0}
                """, origin: "old.yaml"
        ) { notes.append($0) }
        #expect(configuration == DetectorConfiguration())
        #expect(notes.count == 1 && notes[0].contains("'scoring.scorer: automatic'"), "\(notes)")
    }

    /// Every setting says what it does, and every text that is a path is marked as one.
    @Test func everySettingIsDocumented() throws {
        let places = try ConfigurationOverlay.declarations(in: DetectorConfiguration())
        #expect(places.count > 40)
        for (place, declaration) in places {
            #expect(DetectorConfiguration.settingTexts[declaration] != nil, "\(place): \(declaration)")
        }
        let text = try DetectorConfiguration().yaml(withComments: true)
        #expect(text.contains("# The channels") || text.contains("# Channels of the pyramid"))
        #expect(try DetectorConfiguration(yaml: text) == DetectorConfiguration())
    }

    @Test(arguments: [
        ("input: {sise: 640}", "line 1: input.sise: is unknown; did you mean 'size'?"),
        ("scoring: {nonsense: 1}", "scoring.nonsense: is unknown; the known keys are"),
        (
            "input: 640",
            "input: must be keys with values (size, fitting, longestSide, normalization, resampling)"
        ),
        ("input: {size: many}", "line 1: input.size: must be a whole number, not 'many'"),
        ("input: {size: 0}", "input.size: must be from 1 to 16384, not 0"),
        ("input: {size: 1, size: 2}", "line 1: the group that starts here has 'size' twice"),
        ("family: resnet", "family: must be one of published, detectron2, fvit, not 'resnet'"),
        ("learning: {temperature: -1}", "learning.temperature: must be above 0"),
        ("network: {proposalCount: [100]}", "network.proposalCount: must be two numbers"),
        (
            "scoring: {vlmScalesPerRegion: 2}",
            "scoring.vlmScalesPerRegion: must be from 1 to the 1 of scoring.vlmScales"
        ),
        ("network: {canonicalSide: 0}", "network.canonicalSide: must be above 0, not 0.0"),
        ("trunk: {adapterScales: [8, 2]}", "trunk.adapterScales"),
        ("scoring: {vlmScales: []}", "scoring.vlmScales: needs numbers from 0.125 to 8"),
        ("scoring: {vlmScales: [1, .nan]}", "scoring.vlmScales: needs numbers from 0.125 to 8"),
        ("scoring: {vlmObjectSize: 0}", "scoring.vlmObjectSize: must be from 1 to 16384"),
        ("scoring: {objectnessWeight: 2}", "scoring.objectnessWeight: must be from 0 to 1"),
        ("\n\nscoring: {vlmRegions: all}", "line 3: scoring.vlmRegions: must be one of proposals, refined"),
        ("- 1\n- 2", "must be keys with values"),
        ("a: [", "is not YAML"),
        ("input:\n  size: 640\n\tfitting: square", "line 3: is not YAML: a tab indents this line"),
    ])
    func mistakesAreNamed(_ text: String, _ message: String) throws {
        let error = try #require(throws: ConfigurationError.self) {
            try DetectorConfiguration(yaml: text, origin: "detector.yaml")
        }
        #expect(error.description.hasPrefix("detector.yaml: "))
        #expect(error.description.contains(message), "\(error)")
        #expect(!error.description.contains("\n"))
    }

    @Test func singleSettings() throws {
        let configuration = try DetectorConfiguration().with(settings: [
            "input.size=224", "network.anchorSizes=[8, 16, 32, 64, 128]", "clip=a b.pt",
        ])
        #expect(configuration.input.size == 224)
        #expect(configuration.network.anchorSizes == [8, 16, 32, 64, 128])
        #expect(configuration.clip == "a b.pt")
        #expect(try configuration.with(settings: ["network.anchorSizes="]).network.anchorSizes == nil)
        for wrong in ["input.size", "input.sice=3", "=3", "input=3"] {
            #expect(throws: ConfigurationError.self) { try DetectorConfiguration().with(settings: [wrong]) }
        }
    }

    /// The published heads have exactly the published numbers of parameters (fvlm.md, 1.10; trained values of P6's and
    /// all other layers, the temperature included).
    @Test(arguments: [
        (CLIPConfiguration.resNet50, 24_012_565), (.resNet50x4, 23_865_109), (.resNet50x16, 24_241_941),
        (.resNet50x64, 24_995_605),
    ])
    func publishedParameterCounts(_ clip: CLIPConfiguration, _ count: Int) throws {
        let architecture = try DetectorConfiguration(preset: "published").architecture(for: clip)
        let network = try DetectorNetwork(architecture)
        #expect(network.store.trainableWeightCount == count)
        #expect(network.store["fpn.fpn_lateral2.weight"] != nil)
    }

    @Test func theFamilyDecidesHowMasksArePasted() throws {
        let published = try DetectorConfiguration(preset: "published").architecture(for: .resNet50)
        #expect(published.maskPlacement == .wholePixels)
        #expect(try DetectorConfiguration(preset: "vit").architecture(for: .viTB32).maskPlacement == .exact)
    }

    @Test func familiesNeedTheirTowers() throws {
        let transformer = CLIPConfiguration.viTB32
        #expect(throws: ConfigurationError.self) {
            try DetectorConfiguration(preset: "published").architecture(for: transformer)
        }
        let upon = try DetectorConfiguration(preset: "vit").architecture(for: transformer)
        #expect(upon.anchors.strides == [4, 8, 16, 32, 64])
        #expect(throws: ConfigurationError.self) {
            try DetectorConfiguration(preset: "fvit-coco-b16").architecture(for: .resNet50)
        }
    }

    /// Patches of 14 pixels give maps of 3.5 pixels, on either trunk with them.
    @Test func stridesNeedNotBeWhole() throws {
        for clip in [CLIPConfiguration.eva02L14, .perceptionEncoderL14] {
            let architecture = try DetectorConfiguration(preset: "fvit-lvis-l14").architecture(for: clip)
            #expect(architecture.anchors.strides == [3.5, 7, 14, 28, 56])
            #expect(architecture.anchors.sizes == [[28], [56], [112], [224], [448]])
            #expect(architecture.boxPooler.strides == [3.5, 7, 14, 28])
            #expect(architecture.boxPooler.canonicalSide == 56)
            let sides: [Float] = [1, 111, 112, 223, 224, 447, 448, 2000]
            let boxes = try Boxes(sides.map { [0, 0, $0, $0] })
            #expect(try architecture.boxPooler.levels(for: boxes) == [0, 0, 1, 1, 2, 2, 3, 3])
            #expect(
                try DetectorConfiguration(preset: "vit").architecture(for: clip).anchors.strides == [
                    1.75, 3.5, 7, 14, 28,
                ])
        }
        let base = try DetectorConfiguration(preset: "fvit-coco-b16").architecture(for: .eva02B16)
        #expect(base.anchors.strides == [4, 8, 16, 32, 64] && base.maskHead == nil)
    }

    @Test func fourBlocksAreSpreadAsInFViT() throws {
        #expect(FourBlockTrunk.standardBlocks(depth: 12) == [4, 6, 8, 12])
        #expect(FourBlockTrunk.standardBlocks(depth: 24) == [7, 11, 15, 24])
        #expect(FourBlockTrunk.standardBlocks(depth: 50) == [15, 23, 31, 50])
        #expect(FourBlockTrunk.standardBlocks(depth: 4) == [1, 2, 3, 4])
    }

    /// Every preset is a configuration that says itself again.
    @Test func presetsAreWhole() throws {
        for (name, _) in DetectorConfiguration.presets {
            let preset = try DetectorConfiguration(preset: name)
            try preset.validate()
            #expect(try DetectorConfiguration(yaml: preset.yaml()) == preset, "\(name)")
        }
    }

    /// The settings of the eight published detectors in CLIPSelf's `F-ViT/configs`: on OV-COCO three of each size, which differ
    /// in nothing but their trunks, on OV-LVIS one of each.
    @Test(arguments: [
        ("fvit-coco-b16", 640, 0.8, 75, 0.01, 0.4, 100), ("fvit-coco-l14", 896, 0.8, 75, 0.01, 0.4, 100),
        ("fvit-lvis-b16", 1024, 0.6, 50, 0.0001, 0.5, 300), ("fvit-lvis-l14", 896, 0.4, 50, 0.0001, 0.5, 300),
    ])
    func publishedDetectorsHaveTheirSettings(
        _ preset: String, _ size: Int, _ novel: Double, _ factor: Double, _ threshold: Double,
        _ suppression: Double, _ limit: Int
    ) throws {
        let configuration = try DetectorConfiguration(preset: preset)
        let scoring = configuration.scoring
        #expect(configuration.input.size == size && configuration.input.fitting == .square)
        #expect(configuration.input.normalization == .imageNet)
        #expect(configuration.input.resampling == .interpolated)
        #expect(scoring.baseWeight == 0.1 && scoring.backgroundWeight == 0.1 && scoring.novelWeight == novel)
        #expect(abs(1 / scoring.vlmTemperature - factor) < 1e-9 && scoring.detectorTemperature == nil)
        #expect(scoring.scoreThreshold == threshold && scoring.suppressionThreshold == suppression)
        #expect(scoring.limit == limit && !scoring.normalizesScores)
        #expect(configuration.network.masks == preset.contains("lvis"))
        #expect(configuration.network.normalizesProposals == preset.contains("lvis"))
        #expect(configuration.network.hidden == (preset.hasSuffix("l14") ? 768 : 512))
    }

    @Test func otherClassesHaveTheTransferSettings() {
        let scoring = ScoringOptions.fvit(.transfer)
        #expect(scoring.baseWeight == 0.3 && scoring.novelWeight == 0.3 && scoring.backgroundWeight == 0.3)
        #expect(abs(1 / scoring.vlmTemperature - 120) < 1e-9 && scoring.detectorTemperature == 1.0 / 50)
    }
}

extension CLIPConfiguration {
    /// OpenAI's ResNet-50 scaled to 16 times the compute.
    fileprivate static let resNet50x16 = resNet(
        blocks: [6, 8, 18, 8], width: 96, imageSize: 384, embeddingWidth: 768, textWidth: 768)

    /// OpenAI's ResNet-50 scaled to 64 times the compute.
    fileprivate static let resNet50x64 = resNet(
        blocks: [3, 15, 36, 10], width: 128, imageSize: 448, embeddingWidth: 1_024, textWidth: 1_024)
}
