import Support

extension PyTorchArchive {
    /// Writes a checkpoint that `torch.load(path, weights_only=True)` reads.
    ///
    /// Tensors are written as they lie in memory, with their strides; those that share memory share it in the
    /// file too, and only the part of it that they use is written. No bytes are copied on the way. The file
    /// takes the place of an earlier one only when it is complete.
    ///
    /// - Throws: ``WeightFileError`` when a dictionary has a key twice, values are nested deeper than 100
    ///   levels, or the file cannot be written; an earlier file is then as it was.
    public static func write(_ value: CheckpointValue, to path: String) throws {
        try write(value, to: path, zip64Threshold: Int(UInt32.max))
    }

    /// Writes a state_dict: `tensors` under their names.
    ///
    /// - Throws: as ``write(_:to:)-(CheckpointValue,_)``.
    public static func write(_ tensors: [StoredTensor], to path: String) throws {
        try write(.tensors(tensors), to: path)
    }

    static func write(_ value: CheckpointValue, to path: String, zip64Threshold: Int) throws {
        let pickler = try CheckpointPickler(value, path: path)
        try AtomicFile.writeWeights(to: path) { file in
            var zip = ZipWriter(zip64Threshold: zip64Threshold)
            try pickler.bytes.withUnsafeBytes { try zip.add("archive/data.pkl", $0, to: &file) }
            try Array("little".utf8).withUnsafeBytes { try zip.add("archive/byteorder", $0, to: &file) }
            for (index, storage) in pickler.storages.enumerated() {
                try storage.withUnsafeBytes { try zip.add("archive/data/\(index)", $0, to: &file) }
            }
            try Array("3\n".utf8).withUnsafeBytes { try zip.add("archive/version", $0, to: &file) }
            try zip.finish(&file)
        }
    }
}
