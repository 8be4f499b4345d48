import ArgumentParser

/// The number of threads a command uses.
package struct ThreadArguments: ParsableArguments {
    @Option(name: .customLong("threads"), help: "The number of threads; 0 uses one per processor.")
    package var count = 0

    package init() {}

    package mutating func validate() throws {
        guard (0...1024).contains(count) else { throw ValidationError("--threads must be from 0 to 1024") }
    }
}
