import Testing
import WeightFiles

@Suite struct DTypeTests {
    @Test func sizesAreThoseOfTheSwiftTypes() {
        #expect(DType.float32.byteCount == MemoryLayout<Float>.size)
        #expect(DType.float64.byteCount == MemoryLayout<Double>.size)
        #expect(DType.int64.byteCount == MemoryLayout<Int64>.size)
        #expect(DType.bfloat16.byteCount == 2)
        #expect(DType.bool.byteCount == 1)
    }

    @Test func namesRoundTrip() {
        for type in DType.allCases {
            #expect(DType(rawValue: type.description) == type)
        }
    }
}
