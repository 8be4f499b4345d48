// swift-tools-version: 6.1
import PackageDescription

// In a package of your own: .package(url: "https://github.com/.../swift-fvlm", from: "0.1.0")
let package = Package(
    name: "TenLines",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "swift-fvlm", path: "../..")],
    targets: [
        .executableTarget(
            name: "TenLines", dependencies: [.product(name: "FVLM", package: "swift-fvlm")],
            // Where Tools/setup puts libtorch.
            linkerSettings: [
                .unsafeFlags([
                    "-Xlinker", "-rpath", "-Xlinker", Context.packageDirectory + "/../../.libtorch/lib",
                ])
            ])
    ]
)
