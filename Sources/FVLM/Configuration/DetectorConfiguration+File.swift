import Support
import Foundation

extension DetectorConfiguration {
    /// Creates a configuration from YAML text, applied over defaults.
    /// - Parameters:
    ///   - text: The YAML text.
    ///   - defaults: The defaults for settings missing from the text; see ``presets``.
    ///   - origin: The name of the text in messages.
    ///   - folder: The base of relative paths in it; nil leaves them unchanged.
    ///   - note: Called with a note about every setting read from an older format.
    /// - Throws: `ConfigurationError` for unknown keys (with the nearest known one) and values out of range.
    public init(
        yaml text: String, defaults: DetectorConfiguration = .init(), origin: String = "",
        pathsFrom folder: String? = nil, note: (String) -> Void = { _ in }
    ) throws {
        do {
            var overlay = try ConfigurationOverlay(defaults)
            try overlay.apply(yaml: text, origin: origin, pathsFrom: folder)
            overlay.notes.forEach(note)
            self = try overlay.value(origin: origin)
            try validate()
        } catch var error as ConfigurationError {
            error.origin = origin
            throw error
        }
    }

    /// Creates a configuration from a YAML file; relative paths in it are resolved against its folder.
    /// - Throws: `ConfigurationError` with the path.
    public init(contentsOf path: String, note: (String) -> Void = { _ in }) throws {
        let folder = Path.parent(path)
        try self.init(
            yaml: ConfigurationError.text(of: path), origin: path, pathsFrom: folder, note: note)
    }

    /// The configuration with individual settings replaced, such as `input.size=640`; relative paths in them are
    /// resolved against the working folder.
    /// - Throws: `ConfigurationError`.
    public func with(settings: [String]) throws -> DetectorConfiguration {
        var overlay = try ConfigurationOverlay(self)
        try overlay.apply(settings: settings)
        let changed = try overlay.value()
        try changed.validate()
        return changed
    }

    /// The configuration as YAML text, including all settings.
    /// - Parameter withComments: Whether each setting is preceded by its description.
    /// - Throws: `ConfigurationError`.
    public func yaml(withComments: Bool = false) throws -> String {
        try ConfigurationOverlay.text(of: self, documentation: withComments ? Self.settingTexts : nil)
    }
}
