import ArgumentParser
import FVLMCommand

/// The contents of this build: without libtorch the manifest excludes all folders except this one.
enum BuildContents {
    #if FVLM_TORCH
        /// The commands that need networks.
        static let networkCommands = NetworkCommands.all

        /// Sets up libtorch for this process.
        static func prepare() throws { try NetworkCommands.prepare() }

        /// Adds libtorch's properties.
        static func examine(_ report: inout DoctorReport) throws { try NetworkCommands.examine(&report) }
    #else
        static let networkCommands: [any ParsableCommand.Type] = []

        static func prepare() throws {}

        static func examine(_ report: inout DoctorReport) throws {}
    #endif
}
