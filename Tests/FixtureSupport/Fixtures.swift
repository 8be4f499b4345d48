import Foundation

/// The folder of recorded cases: `FVLM_FIXTURES`, or `Tests/Fixtures` of this checkout.
package enum Fixtures {
    package static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["FVLM_FIXTURES"], !path.isEmpty {
            return URL(filePath: path)
        }
        return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures")
    }()

    /// The folder of a group.
    package static func folder(_ group: String) -> URL { root.appending(path: group) }

    /// All cases of a group, by name.
    ///
    /// - Throws: ``FixtureError`` when the group is missing or has no case: a suite without cases would pass.
    package static func cases(_ group: String) throws -> [FixtureCase] {
        let folders = try names(group)
        return try folders.map { try FixtureCase(folder: folder(group).appending(path: $0)) }
    }

    /// The names of the cases of a group, sorted.
    package static func names(_ group: String) throws -> [String] {
        let folder = folder(group)
        let found = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let names = found.filter {
            FileManager.default.fileExists(atPath: folder.appending(path: "\($0)/case.json").path)
        }
        guard !names.isEmpty else { throw FixtureError("no case folders in \(folder.path)") }
        return names.sorted()
    }

    /// One case.
    package static func `case`(_ group: String, _ name: String) throws -> FixtureCase {
        try FixtureCase(folder: folder(group).appending(path: name))
    }
}
