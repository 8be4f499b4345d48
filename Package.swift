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

let package = Package(
    name: "swift-fvlm",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "COCO", targets: ["COCO"]),
        .library(name: "WeightFiles", targets: ["WeightFiles"]),
        .library(name: "Imaging", targets: ["Imaging"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        // MARK: Without libtorch
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "WeightFiles", dependencies: ["CZlib"]),
        .systemLibrary(
            name: "CLibVips", pkgConfig: "vips", providers: [.apt(["libvips-dev"]), .brew(["vips"])]),
        .target(name: "CVips", dependencies: ["CLibVips"]),
        .target(name: "CKernels"),
        .target(name: "Imaging", dependencies: ["CVips", "CKernels"]),
        .testTarget(name: "ImagingTests", dependencies: ["Imaging", "FixtureSupport"]),
        .target(name: "FixtureSupport", dependencies: ["WeightFiles"], path: "Tests/FixtureSupport"),
        .target(name: "COCO"),
        .testTarget(name: "COCOTests", dependencies: ["COCO", "FixtureSupport", "WeightFiles"]),
        .testTarget(name: "WeightFilesTests", dependencies: ["WeightFiles", "FixtureSupport"]),
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
    ]
    package.targets += [
        .systemLibrary(name: "CLibTorch", pkgConfig: "libtorch"),
        .target(name: "CTorch", dependencies: ["CLibTorch"]),
        .target(name: "Torch", dependencies: ["CTorch", "WeightFiles"]),
        .target(name: "CLIP", dependencies: ["Torch", "Imaging", "WeightFiles", "CZlib"]),
        .testTarget(
            name: "CLIPTests", dependencies: ["CLIP", "FixtureSupport"], linkerSettings: runPath),
        .testTarget(name: "TorchTests", dependencies: ["Torch", "FixtureSupport"], linkerSettings: runPath),
        .executableTarget(
            name: "benchmarks",
            dependencies: ["Torch", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Benchmarks/Sources", linkerSettings: runPath),
        .target(
            name: "CGlyphs", dependencies: ["CLibVips"], path: "Examples/EmojiScenes/CGlyphs"),
        .executableTarget(
            name: "EmojiScenes",
            dependencies: [
                "CGlyphs", "CLIP", "COCO", "Imaging", "Torch", "WeightFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Examples/EmojiScenes", exclude: ["CGlyphs"],
            resources: [.copy("Resources/categories.tsv")], linkerSettings: runPath),
    ]
}
