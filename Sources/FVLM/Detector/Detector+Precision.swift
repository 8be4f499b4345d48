import Torch

extension Detector {
    /// What a detector computes in. Scores, boxes and masks are always `float32`.
    public enum Precision: String, Sendable, Hashable, CaseIterable {
        /// Single precision.
        case float32
        /// Half the memory; faster where processor or GPU have products of that type.
        case bfloat16
        /// Most products in eight bits, on processors that have products of bytes: as ``Quantization`` in the detector's folder
        /// says, which `fvlm quantize` makes. All else is `float32`.
        case int8

        /// The element type of weights and features.
        public var dtype: DType { self == .bfloat16 ? .bfloat16 : .float32 }
    }
}
