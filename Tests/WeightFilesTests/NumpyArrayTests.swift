import Testing

@testable import WeightFiles

@Suite struct NumpyArrayTests {
    /// A file as NumPy writes it: the header padded with spaces to a multiple of 64 bytes.
    private func file(_ dictionary: String, version: UInt8 = 1, _ values: [Float]) -> [UInt8] {
        let width = version == 1 ? 2 : 4
        var header = Array(dictionary.utf8)
        while (8 + width + header.count + 1) % 64 != 0 { header.append(0x20) }
        header.append(0x0A)
        let length = (0..<width).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + header
            + values.flatMap { value in
                (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
            }
    }

    private func read(_ bytes: [UInt8]) throws -> StoredTensor {
        try NumpyArray.read(
            storage: bytes.withUnsafeBytes { TensorStorage(copying: $0) }, origin: "a.npy")
    }

    @Test(arguments: [UInt8(1), 2, 3]) func rowsAndColumnsAreRead(_ version: UInt8) throws {
        let values: [Float] = [1, 2, 3, 4, 5, 6]
        let rows = try read(
            file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", version: version, values))
        #expect(rows.shape == [2, 3] && rows.dtype == .float32)
        #expect(rows.floats() == values)
        let columns = try read(
            file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", version: version, values))
        #expect(columns.floats() == [1, 3, 5, 2, 4, 6])
        let vector = try read(file("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", values))
        #expect(vector.shape == [6])
        let number = try read(file("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", [7]))
        #expect(number.shape == [] && number.count == 1)
    }

    @Test(arguments: [
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "not plain little-endian"),
        ("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", "not plain little-endian"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }", "do not match"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", "header"),
        ("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3), }", "header"),
        ("{'descr': '<f4', 'shape': (2, 3), }", "header"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999), }", "header"),
    ]) func otherHeadersAreRefused(_ header: String, _ reason: String) throws {
        let error = #expect(throws: WeightFileError.self) {
            try read(file(header, [1, 2, 3, 4, 5, 6]))
        }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func everyCutIsRefused() throws {
        let whole = file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", [1, 2, 3, 4, 5, 6])
        for count in whole.indices {
            #expect(throws: WeightFileError.self) { try read(Array(whole.prefix(count))) }
        }
    }
}
