internal import CKernels
import WeightFiles

/// Where products of bytes can be computed.
package enum EightBitSupport {
    /// Why this processor or this libtorch cannot compute them; nil if they can.
    package static let refusal = refusal(
        processorHasProducts: ck_has_byte_products(),
        libraryHasOperators: (try? Operator("onednn::qlinear_pointwise").schema) != nil)

    /// The element type of large results between products: half the memory where the processor multiplies halves.
    package static let resultType: DType = ck_has_half_products() ? .bfloat16 : .float32

    /// Why products of bytes cannot be computed; nil if they can.
    package static func refusal(processorHasProducts: Bool, libraryHasOperators: Bool) -> String? {
        guard processorHasProducts else {
            return "this processor has no products of bytes (AVX-512 VNNI or AVX-VNNI)"
        }
        return libraryHasOperators ? nil : "this libtorch was built without oneDNN's products of bytes"
    }
}
