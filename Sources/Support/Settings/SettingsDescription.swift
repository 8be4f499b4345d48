/// What a group of settings says about its keys besides their names, types and defaults.
package protocol SettingsDescription: Codable {
    /// The keys that hold a path, so that relative paths start from the right folder.
    static var pathSettings: [String: PathSetting] { get }

    /// Spellings of an optional setting that files written before have for `null`, by key.
    static var formerNulls: [String: Set<String>] { get }
}

extension SettingsDescription {
    package static var pathSettings: [String: PathSetting] { [:] }
    package static var formerNulls: [String: Set<String>] { [:] }
}

/// A group of settings with a default for every key. An optional group that is given in part takes the other keys from here.
package protocol SettingsGroup: Codable {
    init()
}

/// What kind of path a setting holds.
package enum PathSetting: Sendable, Hashable {
    /// A file or a folder.
    case path
    /// A file or a folder, or a name that means something else: a path only if there is something there.
    case pathOrName
}
