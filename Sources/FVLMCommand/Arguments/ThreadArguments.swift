import ArgumentParser

/// How many threads a command works with.
package struct ThreadArguments: ParsableArguments {
    @Option(name: .customLong("threads"), help: "The number of threads; 0 for one a processor.")
    package var count = 0

    package init() {}

    package mutating func validate() throws {
        guard (0...1024).contains(count) else { throw ValidationError("--threads is from 0 to 1024") }
    }
}
