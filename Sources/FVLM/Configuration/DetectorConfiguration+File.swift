import Support
import Foundation

extension DetectorConfiguration {
    /// The configuration that a YAML text describes: its settings over defaults.
    /// - Parameters:
    ///   - defaults: The settings that the text leaves out; see ``presets``.
    ///   - origin: What messages call the text.
    ///   - folder: Where relative paths in it start; nil: they stay as they are.
    ///   - note: Receives what was read in an older form than it is written today.
    /// - Throws: ``ConfigurationError`` for unknown keys (with the nearest known one) and values out of range.
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

    /// The configuration of a YAML file; relative paths in it start from its folder.
    /// - Throws: ``ConfigurationError`` with the path.
    public init(contentsOf path: String, note: (String) -> Void = { _ in }) throws {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        try self.init(
            yaml: ConfigurationError.text(of: path), origin: path, pathsFrom: folder, note: note)
    }

    /// The configuration with single settings, such as `input.size=640`; relative paths in them start from the working
    /// folder.
    /// - Throws: ``ConfigurationError``.
    public func with(settings: [String]) throws -> DetectorConfiguration {
        var overlay = try ConfigurationOverlay(self)
        try overlay.apply(settings: settings)
        let changed = try overlay.value()
        try changed.validate()
        return changed
    }

    /// The configuration as YAML text, every setting written out.
    /// - Parameter withComments: Whether each setting is preceded by what it does.
    /// - Throws: ``ConfigurationError``.
    public func yaml(withComments: Bool = false) throws -> String {
        try ConfigurationOverlay.text(of: self, documentation: withComments ? Self.settingTexts : nil)
    }
}
