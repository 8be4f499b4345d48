import ArgumentParser

import FVLMCommand

@testable import FVLMNetworks

extension FVLMNetworksTool {
    /// Runs a command in the tests' own process; what it throws can be looked at.
    static func run(_ arguments: [String]) async throws {
        var command = try parseAsRoot(arguments)
        if var command = command as? any AsyncParsableCommand {
            try await command.run()
        } else {
            try command.run()
        }
    }
}
