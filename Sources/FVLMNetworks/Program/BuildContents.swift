import ArgumentParser
import FVLMCommand
import Imaging

/// What this build holds: without libtorch the manifest leaves out all folders but this one.
enum BuildContents {
    #if FVLM_TORCH
        /// The commands that need networks.
        static let networkCommands = NetworkCommands.all

        /// Sets libtorch up for this process.
        static func prepare() throws { try NetworkCommands.prepare() }

        /// Adds what libtorch says of itself.
        static func examine(_ report: inout DoctorReport) throws { try NetworkCommands.examine(&report) }

        /// The exit status of errors that `fvlm` does not know.
        static func status(of error: any Error) -> Int32? {
            (error as? ImagingError)?.exitStatus.rawValue ?? NetworkCommands.status(of: error)
        }
    #else
        static let networkCommands: [any ParsableCommand.Type] = []

        static func prepare() throws {}

        static func examine(_ report: inout DoctorReport) throws {}

        static func status(of error: any Error) -> Int32? {
            (error as? ImagingError)?.exitStatus.rawValue
        }
    #endif
}
