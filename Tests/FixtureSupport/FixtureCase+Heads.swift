import Foundation

extension FixtureCase {
    /// The case's checkpoint with a file beside it that says what the shapes of a miniature do not tell: the numbers of
    /// heads.
    /// - Parameters:
    ///   - folder: Where the checkpoint is linked to.
    ///   - file: The checkpoint; the one that the case names when left out.
    /// - Returns: The path of the link.
    package func modelWithHeads(in folder: TemporaryFolder, file: String? = nil) throws -> String {
        let parameters = try parameters
        let file = try file ?? parameters.optional("file")?.string ?? "open_clip_model.safetensors"
        let target = path(file)
        let link = folder.file(URL(filePath: target).lastPathComponent)
        try? FileManager.default.removeItem(atPath: link)
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: URL(filePath: target).standardizedFileURL.path)
        let configuration = """
            {"vision_cfg": {"head_width": \(try parameters["width"].int / parameters["heads"].int)},
             "text_cfg": {"heads": \(try parameters["theads"].int)}}
            """
        try configuration.write(
            toFile: folder.file("open_clip_config.json"), atomically: true, encoding: .utf8)
        return link
    }
}
