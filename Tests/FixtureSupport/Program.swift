import Foundation
import Support

/// The built program, run as a user runs it.
package struct Program {
    package let status: Int32
    package let output: String
    package let errors: String

    /// What a stream of the program is connected with.
    package enum Stream {
        /// What is written is kept, here or in the other property.
        case kept
        /// It is closed before the program starts.
        case closed
        /// A disk without room.
        case full
    }

    /// Beside the test bundle, where the package manager puts all products.
    package static var path: String {
        let folder =
            Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }?
            .deletingLastPathComponent()
            ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        return folder.appending(path: "fvlm").path
    }

    /// Runs the program to its end. A program that ends by a signal has the status 128 and the signal's number.
    package init(
        _ arguments: [String], input: String? = nil, output: Stream = .kept, errors: Stream = .kept,
        in folder: String? = nil, environment: [String: String] = [:]
    ) throws {
        // The shell closes streams, which the class cannot; it says of a signal what people see.
        let redirection = [output.redirection(of: 1), errors.redirection(of: 2)].joined(separator: " ")
        try self.init(
            "exec \"$0\" \"$@\" \(redirection)", arguments, input: input, in: folder, environment: environment
        )
    }

    /// Runs lines of a shell, in which `fvlm` is the program: for what no other way of starting it can say, such as words that
    /// are not UTF-8.
    package init(shell script: String, in folder: String? = nil) throws {
        try self.init(
            "fvlm=$0; fvlm() { \"$fvlm\" \"$@\"; }\n\(script)", [], input: nil, in: folder, environment: [:])
    }

    private init(
        _ script: String, _ arguments: [String], input: String?, in folder: String?,
        environment: [String: String]
    ) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script, Self.path] + arguments
        if !environment.isEmpty {
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        }
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        let (outputPipe, errorPipe, inputPipe) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = outputPipe
        process.standardError = errorPipe
        process.standardInput = inputPipe
        try process.run()
        if let input {
            // A program that refuses its words may end before it has read this.
            let descriptor = inputPipe.fileHandleForWriting.fileDescriptor
            _ = Array(input.utf8).withUnsafeBytes { Descriptor.write($0, to: descriptor) }
        }
        try inputPipe.fileHandleForWriting.close()
        self.output = Self.text(outputPipe)
        self.errors = Self.text(errorPipe)
        process.waitUntilExit()
        status = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
    }

    /// Everything that comes out of a pipe.
    private static func text(_ pipe: Pipe) -> String {
        let descriptor = pipe.fileHandleForReading.fileDescriptor
        var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// Starts it without waiting; what it says goes nowhere. For runs that are killed.
    package static func started(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }
}

extension Program.Stream {
    fileprivate func redirection(of descriptor: Int) -> String {
        switch self {
        case .kept: ""
        case .closed: "\(descriptor)>&-"
        case .full: "\(descriptor)>/dev/full"
        }
    }
}
