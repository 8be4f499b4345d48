import Support

/// Opens weight files in any supported format.
public enum WeightFile {
    /// The format of a file, identified by its first bytes.
    enum Form: Equatable {
        case safetensors
        case zip
        case pickle
        case legacyTorch
        case json

        /// Something else, with a description if it is recognized.
        case other(String?)
    }

    /// Opens the file at `path` in any supported format; the file name does not matter.
    ///
    /// Supported formats are safetensors, checkpoints of `torch.save`, TorchScript archives, pickles of numpy arrays
    /// and Hugging Face's index of several files. For a folder, this opens the file in it whose name is one used by
    /// Hugging Face, OpenCLIP or a detector.
    ///
    /// - Throws: ``WeightFileError`` if the file has another format (which is named if it is recognized) or is broken.
    public static func open(_ path: String) throws -> any WeightSource {
        if FileStatus(path)?.kind == .folder { return try open(fileInside(folder: path)) }
        let storage = try TensorStorage.mapping(file: path)
        switch storage.withUnsafeBytes({ form(of: $0) }) {
        case .safetensors: return try Safetensors(storage: storage, origin: path)
        case .pickle: return try NumpyPickle(storage: storage, origin: path)
        case .legacyTorch: return try PyTorchArchive(storage: storage, origin: path)
        case .json: return try ShardedWeights(contentsOf: path)
        case .zip:
            let zip = try ZipArchive(storage: storage, origin: path)
            if TorchRecords.isTorchScript(zip) {
                return try TorchScriptArchive(zip: zip, checksums: .verified)
            }
            if TorchRecords.root(of: zip) == nil, zip.entries.contains(where: { $0.name.hasSuffix(".npy") }) {
                throw unknown(path, "a numpy archive (.npz)")
            }
            return try PyTorchArchive(zip: zip, checksums: .verified)
        case .other(let what): throw unknown(path, what)
        }
    }

    private static func unknown(_ path: String, _ what: String?) -> WeightFileError {
        WeightFileError(
            file: path,
            reason: (what.map { "looks like \($0), " } ?? "has an unknown format, ")
                + "not safetensors, a PyTorch or TorchScript archive or a pickle of numpy arrays")
    }

    /// The weight files of a model folder, in order of preference: transformers' names and OpenCLIP's.
    package static let snapshotNames = [
        "model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors",
        "pytorch_model.bin", "pytorch_model.bin.index.json", "open_clip_pytorch_model.bin",
    ]

    /// The names searched in any folder: a model's weights, or a detector's.
    private static let fileNames = snapshotNames + ["detector.safetensors"]

    private static func fileInside(folder: String) throws -> String {
        guard let path = fileNames.map({ Path.join(folder, $0) }).first(where: { FileStatus($0) != nil })
        else {
            throw WeightFileError(
                file: folder, reason: "is a folder without any of \(fileNames.joined(separator: ", "))")
        }
        return path
    }

    /// Identifies the format by the first bytes.
    static func form(of bytes: UnsafeRawBufferPointer) -> Form {
        func starts(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
        // The length of the header, under 2^32, comes first; text has no zeros, and no other format has these.
        if bytes.count >= 9, bytes[4..<8].allSatisfy({ $0 == 0 }), bytes[8] == UInt8(ascii: "{") {
            return .safetensors
        }
        if starts("PK\u{3}\u{4}") || starts("PK\u{5}\u{6}") { return .zip }
        if bytes.count >= 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
            // torch's magic number comes first in its old files.
            let magic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20]
            return bytes.dropFirst(2).starts(with: magic) ? .legacyTorch : .pickle
        }
        if let known = otherForm(of: bytes) { return .other(known) }
        // A byte-order mark may precede the text.
        if let text = bytes.prefix(64).first(where: {
            ![0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF].contains($0)
        }),
            text == UInt8(ascii: "{")
        {
            return .json
        }
        return .other(nil)
    }

    private static func otherForm(of bytes: UnsafeRawBufferPointer) -> String? {
        let signatures: [([UInt8], String)] = [
            (Array("version https://git-lfs".utf8), "a git-lfs pointer (run git lfs pull)"),
            (Array("<!".utf8), "a web page (the download failed)"),
            (Array("<html".utf8), "a web page (the download failed)"),
            ([0x89] + Array("HDF".utf8), "an HDF5 file (Keras)"),
            (Array("GGUF".utf8), "a GGUF file"),
            ([0x93] + Array("NUMPY".utf8), "a single numpy array (.npy)"),
            ([0x1F, 0x8B], "a gzip file (decompress it first)"),
            ([0x28, 0xB5, 0x2F, 0xFD], "a zstd file (decompress it first)"),
            ([0xFD] + Array("7zXZ".utf8), "an xz file (decompress it first)"),
            (Array("BZh".utf8), "a bzip2 file (decompress it first)"),
            ([0x89] + Array("PNG".utf8), "a picture"), ([0xFF, 0xD8, 0xFF], "a picture"),
            ([0x08, 0x08, 0x12], "an ONNX file"), ([0x80, 0x00], "a pickle of protocol 0"),
            ([0x80, 0x01], "a pickle of protocol 1 (save it with protocol 2 or later)"),
            (Array("(dp".utf8), "a pickle of protocol 0 (save it with protocol 2 or later)"),
        ]
        if let match = signatures.first(where: { bytes.starts(with: $0.0) }) { return match.1 }
        if bytes.count >= 262, bytes[257..<262].elementsEqual("ustar".utf8) {
            return "a tar archive (unpack it first, or save it with a newer torch)"
        }
        return nil
    }
}
