extension ConfigurationError {
    /// The text of a configuration file.
    package static func text(of path: String) throws -> String {
        do { return try TextFile(contentsOf: path).text } catch {
            throw ConfigurationError(
                origin: error.path, reason: error.reason + (error.advice.map { "; \($0)" } ?? ""),
                exitStatus: error.exitStatus)
        }
    }
}
