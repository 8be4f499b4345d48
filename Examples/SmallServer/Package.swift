// swift-tools-version: 6.1
import PackageDescription

// In a package of your own: .package(url: "https://github.com/.../swift-fvlm", from: "0.1.0")
let package = Package(
    name: "SmallServer",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swift-fvlm", path: "../.."),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    ],
    targets: [
        .executableTarget(
            name: "SmallServer",
            dependencies: [
                .product(name: "FVLM", package: "swift-fvlm"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ],
            // Where Tools/setup puts libtorch.
            linkerSettings: [
                .unsafeFlags([
                    "-Xlinker", "-rpath", "-Xlinker", Context.packageDirectory + "/../../.libtorch/lib",
                ])
            ])
    ]
)
