// swift-tools-version: 6.1
import PackageDescription

let libtorch = Context.packageDirectory + "/../swift-fvlm/.libtorch/lib"
let package = Package(
    name: "Finder",
    platforms: [.macOS(.v15)],
    dependencies: [.package(path: "../swift-fvlm")],
    targets: [
        .executableTarget(
            name: "Finder", dependencies: [.product(name: "FVLM", package: "swift-fvlm")],
            linkerSettings: [.unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", libtorch])])
    ]
)
