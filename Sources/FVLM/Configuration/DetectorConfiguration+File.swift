import Foundation

extension DetectorConfiguration {
    /// The configuration that a YAML text describes, upon defaults; see ``presets`` for other defaults.
    /// - Parameter origin: What messages call the text.
    /// - Throws: ``ConfigurationError`` for unknown keys (with the nearest known one) and values out of range.
    public init(yaml text: String, upon defaults: DetectorConfiguration = .init(), origin: String = "") throws
    {
        do {
            self = try ConfigurationOverlay.value(text, upon: defaults)
            try validate()
        } catch var error as ConfigurationError {
            error.origin = origin
            throw error
        }
    }

    /// The configuration of a YAML file.
    /// - Throws: ``ConfigurationError`` with the path.
    public init(contentsOf path: String) throws {
        try self.init(yaml: ConfigurationError.text(of: path), origin: path)
    }

    /// The configuration with single settings, such as `input.size=640`.
    /// - Throws: ``ConfigurationError``.
    public func with(settings: [String]) throws -> DetectorConfiguration {
        let changed = try ConfigurationOverlay.value(settings: settings, upon: self)
        try changed.validate()
        return changed
    }

    /// The configuration as YAML text, every setting written out.
    /// - Throws: ``ConfigurationError``.
    public func yaml() throws -> String { try ConfigurationOverlay.text(of: self) }
}
