import Foundation
import Support

/// Finds files with the same contents.
///
/// Only files of equal length are read; equal checksums are confirmed byte by byte.
enum FileContents {
    /// The length of a file in bytes; nil if it is not a regular file or cannot be examined.
    static func length(_ path: String) -> Int? {
        guard let status = FileStatus(path), status.kind == .file else { return nil }
        return status.byteCount
    }

    /// For every path, the index of the first path with the same contents, which may be its own; nil for nil and for
    /// files that cannot be read.
    static func firstEqual(_ paths: [String?], threads: Int) throws -> [Int?] {
        var lengths = [Int](repeating: -1, count: paths.count)
        try map(paths, into: &lengths, threads: threads) { path in length(path) ?? -1 }
        var indicesByLength: [Int: [Int]] = [:]
        for (index, length) in lengths.enumerated() where length >= 0 {
            indicesByLength[length, default: []].append(index)
        }
        let candidates = indicesByLength.values.filter { $0.count > 1 }.flatMap(\.self).sorted()
        var checksums = [UInt64?](repeating: nil, count: candidates.count)
        try map(candidates.map { paths[$0] }, into: &checksums, threads: threads) { path in checksum(path) }

        var result: [Int?] = lengths.enumerated().map { $0.element >= 0 ? $0.offset : nil }
        var firsts: [Key: [Int]] = [:]
        for (index, checksum) in zip(candidates, checksums) {
            guard let checksum, let path = paths[index] else {
                result[index] = nil
                continue
            }
            let key = Key(length: lengths[index], checksum: checksum)
            let first = firsts[key, default: []].first { paths[$0].map { areEqual($0, path) } ?? false }
            if let first {
                result[index] = first
            } else {
                firsts[key, default: []].append(index)
            }
        }
        return result
    }

    private struct Key: Hashable {
        let length: Int
        let checksum: UInt64
    }

    private static func map<Value: Sendable>(
        _ paths: [String?], into result: inout [Value], threads: Int,
        _ body: @Sendable (String) -> Value
    ) throws {
        try result.withUnsafeMutableBufferPointer { buffer in
            guard let shared = buffer.baseAddress.map(Parallel.Shared.init) else { return }
            try Parallel.forEach(
                count: paths.count, threads: Parallel.threadCount(threads), grain: 16, state: {}
            ) { _, index in
                if let path = paths[index] { shared.base[index] = body(path) }
            }
        }
    }

    /// Calls `body` with the chunks of a file; returns false if the file cannot be read to its end.
    private static func read(_ path: String, _ body: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        guard let file = path.withPathPointer({ fopen($0, "rb") }) else { return false }
        defer { fclose(file) }
        return withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { buffer in
            guard let base = buffer.baseAddress else { return false }
            while true {
                let count = fread(base, 1, buffer.count, file)
                guard count > 0 else { return ferror(file) == 0 }
                guard body(UnsafeRawBufferPointer(rebasing: buffer[..<count])) else { return false }
            }
        }
    }

    /// A 64-bit checksum of all bytes; nil if the file cannot be read.
    private static func checksum(_ path: String) -> UInt64? {
        var sum: UInt64 = 0x9E37_79B9_7F4A_7C15
        func mix(_ word: UInt64) {
            let product = (sum ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
            sum = product.high ^ product.low &+ 0x2545_F491_4F6C_DD1D
        }
        let isWhole = read(path) { piece in
            var offset = 0
            while offset + 8 <= piece.count {
                mix(piece.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            for byte in piece[offset...] { mix(UInt64(byte)) }
            return true
        }
        return isWhole ? sum : nil
    }

    private static func areEqual(_ first: String, _ second: String) -> Bool {
        guard first != second else { return true }
        guard let other = second.withPathPointer({ fopen($0, "rb") }) else { return false }
        defer { fclose(other) }
        let isSame = read(first) { piece in
            withUnsafeTemporaryAllocation(byteCount: piece.count, alignment: 8) { buffer in
                guard let base = buffer.baseAddress, let bytes = piece.baseAddress else { return false }
                return fread(base, 1, piece.count, other) == piece.count
                    && memcmp(base, bytes, piece.count) == 0
            }
        }
        return isSame && fgetc(other) == EOF
    }
}
