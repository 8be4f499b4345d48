import Support

extension Safetensors {
    /// Writes `tensors`, under their names, as a safetensors file.
    ///
    /// The header lists them in the given order. Their bytes are ordered by element size, largest first, starting at a
    /// multiple of 64, so that every element is aligned when the file is mapped. Nothing is copied except tensors that
    /// are not packed in row-major order, one at a time. The file replaces an earlier one only when it is complete.
    ///
    /// - Throws: ``WeightFileError`` if two tensors have the same name, a name is `__metadata__`, or the file cannot be
    ///   written; an earlier file is then unchanged.
    public static func write(_ tensors: [StoredTensor], metadata: [String: String] = [:], to path: String)
        throws
    {
        let order = tensors.indices.sorted {
            (tensors[$1].dtype.byteCount, $0) < (tensors[$0].dtype.byteCount, $1)
        }
        var offsets = [Int](repeating: 0, count: tensors.count)
        var end = 0
        for index in order {
            offsets[index] = end
            end += tensors[index].byteCount
        }
        let header = try header(tensors, offsets: offsets, metadata: metadata, path: path)
        try AtomicFile.writeWeights(to: path) { writer in
            try writer.write(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) })
            try writer.write(header)
            for index in order {
                try tensors[index].withUnsafeBytes { try writer.write($0) }
            }
        }
    }

    private static func header(
        _ tensors: [StoredTensor], offsets: [Int], metadata: [String: String], path: String
    ) throws -> [UInt8] {
        var parts: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }
                .map { "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))" }
            parts.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var names: Set<String> = []
        for (tensor, offset) in zip(tensors, offsets) {
            guard tensor.name != "__metadata__", names.insert(tensor.name).inserted else {
                throw WeightFileError(
                    file: path, place: "'\(tensor.name)'",
                    reason: "is the name of two tensors, or of the metadata; nothing was written")
            }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            parts.append(
                "\(JSONText.quoted(tensor.name)):{\"dtype\":\"\(tensor.dtype.safetensors)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(offset + tensor.byteCount)]}")
        }
        var header = Array("{\(parts.joined(separator: ","))}".utf8)
        // Spaces are allowed at the end; with the 8 bytes of the length, the data start at a multiple of 64.
        while (8 + header.count) % 64 != 0 { header.append(UInt8(ascii: " ")) }
        guard header.count <= 100_000_000 else {
            throw WeightFileError(
                file: path,
                reason: "the names of the tensors exceed the format's limit of 100 MB; nothing was written")
        }
        return header
    }
}
