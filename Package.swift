// swift-tools-version: 6.1
import Foundation
import PackageDescription

// The targets that stand on libtorch are left out with FVLM_WITHOUT_TORCH=1: data sets, evaluation and
// pictures build and test on a machine that has no libtorch.
let withTorch = ProcessInfo.processInfo.environment["FVLM_WITHOUT_TORCH"] == nil

// Only executables and tests carry a run path; libraries must stay free of unsafe flags to be usable as
// a versioned dependency. They find libtorch through pkg-config (see Tools/setup).
let torchLibraries = Context.packageDirectory + "/.libtorch/lib"
let runPath: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", torchLibraries])]

// Tools/setup describes each checkout's libtorch under a name of its own; a checkout without a set-up, such as one that
// another package depends on, takes the system's.
let torchDescription =
    (try? String(contentsOfFile: Context.packageDirectory + "/.libtorch/pkgconfig/name", encoding: .utf8))
    ?? "libtorch"

let package = Package(
    name: "swift-fvlm",
    platforms: [.macOS(.v15)],
    products: [
        // Building fvlm-networks builds fvlm as well.
        .executable(name: "fvlm", targets: ["FVLMProgram"]),
        .executable(name: "fvlm-networks", targets: ["FVLMNetworks"]),
        .library(name: "COCO", targets: ["COCO"]),
        .library(name: "Analysis", targets: ["Analysis"]),
        .library(name: "Tracking", targets: ["Tracking"]),
        .library(name: "Video", targets: ["Video"]),
        .library(name: "Imaging", targets: ["Imaging"]),
        .library(name: "Tiling", targets: ["Tiling"]),
        .library(name: "WeightFiles", targets: ["WeightFiles"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        // MARK: Without libtorch
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Support", dependencies: ["CZlib", .product(name: "Yams", package: "Yams")]),
        .testTarget(name: "SupportTests", dependencies: ["Support", "FixtureSupport"]),
        .target(name: "WeightFiles", dependencies: ["CZlib", "Support"]),
        .target(name: "Hub", dependencies: ["Support"]),
        .testTarget(name: "HubTests", dependencies: ["Hub", "Support", "FixtureSupport"]),
        .systemLibrary(
            name: "CLibVips", pkgConfig: "vips", providers: [.apt(["libvips-dev"]), .brew(["vips"])]),
        .target(name: "CVips", dependencies: ["CLibVips"]),
        .target(name: "CKernels"),
        .target(name: "Imaging", dependencies: ["CVips", "CKernels", "Support"]),
        .testTarget(
            name: "ImagingTests", dependencies: ["Imaging", "FixtureSupport", "Support"],
            exclude: ["Pictures"]),
        .target(name: "Tiling", dependencies: ["Imaging", "Support"]),
        .testTarget(name: "TilingTests", dependencies: ["FixtureSupport", "Imaging", "Tiling"]),
        .target(
            name: "FixtureSupport", dependencies: ["Support", "WeightFiles"], path: "Tests/FixtureSupport"),
        .target(name: "COCO", dependencies: ["Support"]),
        .target(name: "Analysis", dependencies: ["COCO", "Support"]),
        .target(name: "Tracking", dependencies: ["Support"]),
        .target(name: "Video", dependencies: ["Imaging", "Support"]),
        .testTarget(name: "VideoTests", dependencies: ["FixtureSupport", "Imaging", "Video"]),
        .testTarget(name: "TrackingTests", dependencies: ["FixtureSupport", "Tracking"]),
        .testTarget(name: "AnalysisTests", dependencies: ["Analysis", "COCO", "FixtureSupport"]),
        .target(
            name: "DatasetFormats",
            dependencies: ["COCO", "CZlib", "Support", .product(name: "Yams", package: "Yams")]),
        .testTarget(
            name: "DatasetFormatsTests",
            dependencies: ["COCO", "DatasetFormats", "FixtureSupport", "Imaging", "Support"]),
        // The command line. FVLMProgram is `fvlm`, which loads neither libtorch nor libvips; FVLMNetworks is
        // `fvlm-networks`, which it starts for commands that need them. The latter depends on the former so that
        // building it builds both.
        .target(
            name: "FVLMCommand",
            dependencies: [
                "Analysis", "COCO", "DatasetFormats", "Support", "Tracking", "WeightFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "FVLMProgram", dependencies: ["FVLMCommand", "Support"]),
        .executableTarget(
            name: "FVLMNetworks",
            dependencies: [
                "Analysis", "COCO", "DatasetFormats", "FVLMCommand", "FVLMProgram", "Imaging", "Support",
                "Tiling", "Tracking", "Video",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            sources: withTorch ? nil : ["Program"]),
        .testTarget(
            name: "FVLMCommandTests",
            dependencies: [
                "COCO", "DatasetFormats", "FixtureSupport", "FVLMCommand", "FVLMNetworks", "FVLMProgram",
                "Support",
                "WeightFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "shapes",
            dependencies: [
                "COCO", "Imaging", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Examples/Shapes", exclude: ["demo", "shapes.yaml"]),
        .executableTarget(
            name: "photographs",
            dependencies: [
                "COCO", "Imaging", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Examples/Photographs", exclude: ["published.yaml", "vit.yaml", "eva.yaml", "pe.yaml"]),
        .executableTarget(
            name: "coco-benchmark", dependencies: ["Analysis", "COCO", "Support"],
            path: "Benchmarks/coco/Sources"),
        .testTarget(name: "COCOTests", dependencies: ["COCO", "FixtureSupport", "WeightFiles"]),
        .testTarget(name: "WeightFilesTests", dependencies: ["WeightFiles", "Support", "FixtureSupport"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17,
    cxxLanguageStandard: .cxx20
)

// MARK: With libtorch

if withTorch {
    package.products += [
        .library(name: "Torch", targets: ["Torch"]),
        .library(name: "CLIP", targets: ["CLIP"]),
        .library(name: "RegionDetection", targets: ["RegionDetection"]),
        .library(name: "FVLM", targets: ["FVLM"]),
        .library(name: "VideoDetection", targets: ["VideoDetection"]),
        .library(name: "Evaluation", targets: ["Evaluation"]),
        .library(name: "Training", targets: ["Training"]),
        .library(name: "Serving", targets: ["Serving"]),
    ]
    // The server alone needs these.
    package.dependencies += [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ]
    package.targets += [
        .systemLibrary(name: "CLibTorch", pkgConfig: torchDescription),
        .target(
            name: "CTorch", dependencies: ["CLibTorch"], exclude: ["GlooHeaders"],
            cxxSettings: [.headerSearchPath("GlooHeaders")]),
        .target(name: "Torch", dependencies: ["CKernels", "CTorch", "Support", "WeightFiles"]),
        .target(
            name: "TorchFixtures", dependencies: ["CFakeDevice", "FixtureSupport", "Torch", "WeightFiles"],
            path: "Tests/TorchFixtures"),
        .testTarget(
            name: "TorchTests",
            dependencies: ["CTorch", "Torch", "FixtureSupport", "Support", "TorchFixtures"],
            linkerSettings: runPath),
        .target(
            name: "CLIP",
            dependencies: [
                "Torch", "Hub", "Imaging", "Support", "WeightFiles", "CZlib",
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        .testTarget(
            name: "CLIPTests",
            dependencies: [
                "CLIP", "Hub", "Imaging", "Torch", "FixtureSupport", "TorchFixtures", "WeightFiles",
            ],
            linkerSettings: runPath),
        .target(name: "RegionDetection", dependencies: ["Torch", "CKernels", "Support"]),
        .testTarget(
            name: "RegionDetectionTests",
            dependencies: ["RegionDetection", "FixtureSupport", "TorchFixtures"],
            linkerSettings: runPath),
        .target(
            name: "FVLM",
            dependencies: [
                "CKernels", "CLIP", "RegionDetection", "Support", "Imaging", "Tiling", "Torch", "WeightFiles",
            ]),
        .testTarget(
            name: "FVLMTests",
            dependencies: ["FVLM", "FixtureSupport", "Imaging", "Support", "TorchFixtures", "WeightFiles"],
            linkerSettings: runPath),
        .target(name: "VideoDetection", dependencies: ["FVLM", "Tracking", "Video"]),
        .testTarget(
            name: "VideoDetectionTests",
            dependencies: ["FVLM", "FixtureSupport", "Imaging", "Tracking", "Video", "VideoDetection"],
            linkerSettings: runPath),
        .target(
            name: "Evaluation",
            dependencies: ["Analysis", "CLIP", "COCO", "FVLM", "Imaging", "Support", "Torch"]),
        .target(
            name: "Training",
            dependencies: [
                "CLIP", "Evaluation", "FVLM", "RegionDetection", "Torch", "Support", "Imaging", "COCO",
                "WeightFiles",
            ]),
        .target(
            name: "DetectionResults",
            dependencies: ["CLIP", "COCO", "Evaluation", "FVLM", "Imaging", "Support"]),
        .target(
            name: "Serving",
            dependencies: [
                "CLIP", "COCO", "DatasetFormats", "DetectionResults", "Evaluation", "FVLM", "Imaging",
                "Support",
                "Torch",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [
                .embedInCode("Documents/openapi.json"), .embedInCode("Documents/page.html"),
                .embedInCode("Documents/page.css"), .embedInCode("Documents/page.js"),
            ]),
        .testTarget(
            name: "ServingTests",
            dependencies: [
                "CLIP", "FVLM", "FixtureSupport", "Imaging", "Serving", "Support",
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            linkerSettings: runPath),
        .testTarget(
            name: "EvaluationTests",
            dependencies: ["Analysis", "CLIP", "COCO", "Evaluation", "FVLM", "FixtureSupport", "Imaging"],
            linkerSettings: runPath),
        .target(
            name: "TrainingFixtures", dependencies: ["COCO", "FixtureSupport", "Imaging", "Training"],
            path: "Tests/TrainingFixtures"),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "CLIP", "COCO", "Evaluation", "FVLM", "FixtureSupport", "Imaging", "RegionDetection",
                "Support", "Torch", "TorchFixtures", "Training", "TrainingFixtures", "WeightFiles",
            ],
            linkerSettings: runPath),
        // libtorch's PrivateUse1 on the processor, under the rules of a GPU.
        .target(name: "CFakeDevice", dependencies: ["CLibTorch"], path: "Tests/CFakeDevice"),
        .testTarget(
            name: "DeviceTests",
            dependencies: [
                "CFakeDevice", "CTorch", "FVLM", "FixtureSupport", "Imaging", "Support", "Torch",
                "Training", "TrainingFixtures", "WeightFiles",
            ],
            linkerSettings: runPath),
        .target(name: "CYardsticks", dependencies: ["CLibTorch"], path: "Benchmarks/Yardsticks"),
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "CLIP", "CYardsticks", "RegionDetection", "FVLM", "Imaging", "Support", "Torch",
                "WeightFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/Sources", linkerSettings: runPath),
        .executableTarget(
            name: "device-check",
            dependencies: [
                "CLIP", "FVLM", "Imaging", "RegionDetection", "Support", "Torch", "WeightFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/DeviceCheck", linkerSettings: runPath),
        .executableTarget(
            name: "random-weights",
            dependencies: [
                "CLIP", "FVLM", "Imaging", "Support", "Torch", "WeightFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Examples/RandomWeights", linkerSettings: runPath),
        .testTarget(
            name: "RandomWeightsTests",
            dependencies: ["random-weights", "CLIP", "FVLM", "FixtureSupport", "Torch", "WeightFiles"],
            linkerSettings: runPath),
        .target(name: "CGlyphs", dependencies: ["CLibVips"], path: "Examples/EmojiScenes/CGlyphs"),
        .executableTarget(
            name: "EmojiScenes",
            dependencies: [
                "Analysis", "CGlyphs", "CLIP", "COCO", "Evaluation", "FVLM", "Imaging", "Support", "Torch",
                "Tracking",
                "Training", "VideoDetection", "WeightFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Examples/EmojiScenes", exclude: ["CGlyphs", "README.md", "Samples"],
            resources: [.copy("Resources/categories.tsv")],
            // Drawing goes pixel by pixel; without optimization its tests would take minutes.
            swiftSettings: [.unsafeFlags(["-O"])], linkerSettings: runPath),
        .testTarget(
            name: "EmojiScenesTests",
            dependencies: ["EmojiScenes", "CLIP", "COCO", "FVLM", "Imaging", "Torch", "Tracking"],
            linkerSettings: runPath),
    ]
    // The commands that need networks; FVLM_TORCH tells the sources that they are there.
    for target in package.targets where target.name == "FVLMNetworks" {
        target.dependencies += [
            "CLIP", "DetectionResults", "Evaluation", "FVLM", "Hub", "RegionDetection", "Serving", "Torch",
            "Training", "VideoDetection", "WeightFiles",
        ]
        target.swiftSettings = [.define("FVLM_TORCH")]
        target.linkerSettings = runPath
    }
    for target in package.targets where target.name == "FVLMCommandTests" { target.linkerSettings = runPath }
    package.targets.append(
        .testTarget(
            name: "FVLMNetworksTests",
            dependencies: [
                "CLIP", "COCO", "DatasetFormats", "FixtureSupport", "FVLM", "FVLMCommand", "FVLMNetworks",
                "FVLMProgram",
                "Imaging", "RegionDetection", "Support", "Torch", "TorchFixtures", "Training",
                "WeightFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            linkerSettings: runPath))
}

// MARK: Fuzzing

// Linked only by Tools/fuzz, whose compiler flags bring libFuzzer.
if ProcessInfo.processInfo.environment["FVLM_FUZZ"] != nil {
    package.products += [
        .executable(name: "fuzz", targets: ["fuzz"])
    ]
    package.targets += [
        .target(name: "CFuzzer", path: "Fuzz/CFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: ["COCO", "CZlib", "CFuzzer", "DatasetFormats", "Support", "WeightFiles"],
            path: "Fuzz/fuzz"),
    ]
}
