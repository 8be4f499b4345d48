#if FVLM_TORCH
    import ArgumentParser

    @testable import FVLMCommand

    extension FVLM {
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
#endif
