/// What a command reads, so that nothing is written over it.
///
/// Files are compared as the system knows them, by device and number: another path, a link, and another case of letters
/// make no difference. Pipes and devices, such as `/dev/null`, can be read and written at once.
package struct OutputGuard: Sendable {
    private var inputs: [FileIdentity: String] = [:]
    private var models: [FileIdentity: String] = [:]

    /// - Parameters:
    ///   - inputs: Paths of files and folders, `-` for standard input; nil for what was not given. What is not there is
    ///     no input, nor are pipes and devices, which can be read and written at once.
    ///   - models: Paths of models that are read: of a folder nothing in it may be written, of a file neither it nor the
    ///     files beside it that a model has.
    package init(_ inputs: [String?], models: [String?] = []) {
        for input in inputs.compactMap(\.self) { add(input) }
        for model in models.compactMap(\.self) { add(model: model) }
    }

    /// Adds a file or a folder; of a file in an archive, the archive.
    package mutating func add(_ input: String) {
        let input = TarArchive.archive(in: input)?.archive ?? input
        guard let status = input == "-" ? FileStatus(descriptor: STDIN_FILENO) : FileStatus(input),
            status.kind == .file || status.kind == .folder
        else { return }
        if inputs[status.identity] == nil { inputs[status.identity] = input }
    }

    /// Adds a model, a folder or a file.
    package mutating func add(model path: String) {
        add(path)
        guard let status = FileStatus(path) else { return }
        guard status.kind == .folder else {
            for name in Self.companions { add(Path.join(Path.parent(path), name)) }
            return
        }
        if models[status.identity] == nil { models[status.identity] = path }
        for name in (try? Folder.names(in: path)) ?? [] { add(Path.join(path, name)) }
    }

    /// Files that belong to the weights beside them.
    private static let companions = [
        "config.json", "open_clip_config.json", "preprocessor_config.json", "processor_config.json",
        "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "bpe_simple_vocab_16e6.txt.gz", "detector.yaml", "detector.safetensors",
    ]

    /// The input that a file at `output` would replace, by the name that it was given under; nil when there is none.
    package func replaced(by output: String) -> String? { FileIdentity(output).flatMap { inputs[$0] } }

    /// Refuses an output, a file or a folder, that is one of the inputs or lies in the folder of a model.
    ///
    /// - Throws: ``FileFailure``, which names both.
    package func check(_ output: String?) throws(FileFailure) {
        guard let output, output != "-" else { return }
        if let input = replaced(by: output) {
            throw FileFailure(
                output,
                reason: "would be replaced by the output, and is "
                    + (input == output ? "read" : "\(input), which is read") + ": choose another output",
                exitStatus: .usage)
        }
        if let model = model(holding: output) {
            throw FileFailure(
                output, reason: "lies in \(model), the folder of a model that is read: choose another output",
                exitStatus: .usage)
        }
    }

    /// Refuses an output file as ``check(_:)``, and one that could not be put in its place at the end of the work.
    ///
    /// - Throws: ``FileFailure``; also when the folder is not there or the output is a folder.
    package func check(file output: String?) throws {
        try check(output)
        guard let output, output != "-" else { return }
        if FileStatus(output)?.kind == .folder {
            throw FileFailure(
                output, reason: "is a folder; the path of a file is needed", exitStatus: .failure)
        }
        let folder = Path.parent(output)
        guard FileStatus(output) == nil, FileStatus(folder)?.kind != .folder else { return }
        throw FileFailure(
            output, reason: "cannot be created: there is no folder \(folder)", exitStatus: .failure)
    }

    /// Refuses an output that is there already and lies in a folder that is read, at any depth, by whatever path.
    package static func check(_ output: String, inside folder: String) throws(FileFailure) {
        guard FileStatus(output) != nil else { return }
        let (path, folder, place) = (Path.resolved(output), folder, Path.resolved(folder))
        guard path == place || path.hasPrefix(place == "/" ? place : place + "/") else { return }
        throw FileFailure(
            output,
            reason: "would be replaced by the output, and is a file of \(folder), which is read: "
                + "choose another output", exitStatus: .usage)
    }

    /// Refuses outputs of one run of which one would replace another: the same path in two spellings or by a link, there or
    /// not yet. Pipes and devices may be named twice.
    ///
    /// - Throws: ``FileFailure``, which names both.
    package static func checkDistinct(_ outputs: [String?]) throws(FileFailure) {
        var taken: [Place: String] = [:]
        for output in outputs.compactMap(\.self) where output != "-" {
            if let kind = FileStatus(output)?.kind, kind != .file, kind != .folder { continue }
            let place = Place(output)
            if let other = taken[place] {
                throw FileFailure(
                    output,
                    reason: "is the path of two outputs" + (other == output ? "" : " (also as \(other))")
                        + ": choose two", exitStatus: .usage)
            }
            taken[place] = output
        }
    }

    /// Where a file is or will be.
    private enum Place: Hashable {
        case file(FileIdentity)
        case name(String, in: FileIdentity)
        case path(String)

        init(_ path: String) {
            if let identity = FileIdentity(path) {
                self = .file(identity)
            } else if let parent = FileIdentity(Path.parent(path)) {
                self = .name(Path.name(path), in: parent)
            } else {
                self = .path(Path.absolute(path))
            }
        }
    }

    /// Refuses a new folder as ``check(_:)``, but for pictures: a folder of theirs may be written into by a command that
    /// replaces no file.
    package func check(additionsTo folder: String?) throws(FileFailure) {
        guard let folder, let model = model(holding: folder) else { return }
        throw FileFailure(
            folder,
            reason: (model == folder ? "is" : "lies in \(model),")
                + " the folder of a model that is read: choose another output", exitStatus: .usage)
    }

    /// The model in whose folder a path is, there or not yet; links are followed.
    private func model(holding path: String) -> String? {
        guard !models.isEmpty else { return nil }
        var place = Path.resolved(path)
        while true {
            if let identity = FileIdentity(place), let model = models[identity] { return model }
            let parent = Path.parent(place)
            if parent == place { return nil }
            place = parent
        }
    }
}
