import ArgumentParser
import FVLMCommand

/// What this build holds: without libtorch the manifest leaves out all folders but this one.
enum BuildContents {
    #if FVLM_TORCH
        /// The commands that need networks.
        static let networkCommands = NetworkCommands.all

        /// Sets libtorch up for this process.
        static func prepare() throws { try NetworkCommands.prepare() }

        /// Adds what libtorch says of itself.
        static func examine(_ report: inout DoctorReport) throws { try NetworkCommands.examine(&report) }
    #else
        static let networkCommands: [any ParsableCommand.Type] = []

        static func prepare() throws {}

        static func examine(_ report: inout DoctorReport) throws {}
    #endif
}
