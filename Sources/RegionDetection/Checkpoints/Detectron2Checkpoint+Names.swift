extension Detectron2Checkpoint {
    /// detectron2's name for a parameter of an open-vocabulary detector: the other way of loading.
    ///
    /// What detectron2 has no part for stands where it would belong: the adapter in the backbone, the projection to
    /// embeddings and the temperature in the box predictor.
    /// - Parameter name: Such as `fpn.fpn_lateral2.weight`, `box_head.fc1.bias`.
    public static func key(for name: String) -> String {
        let part: Part? =
            switch name.prefix(while: { $0 != "." }) {
            case "adapter": .pyramid
            case "bbox_pred", "projection", "temperature": .boxRegression
            default: nil
            }
        if let part { return part.prefix + name }
        let heads: [(own: String, part: Part)] = [
            ("fpn.", .pyramid), ("rpn_head.", .proposals), ("box_head.", .boxHead), ("mask_head.", .maskHead),
        ]
        guard let head = heads.first(where: { name.hasPrefix($0.own) }) else { return name }
        return head.part.prefix + name.dropFirst(head.own.count)
    }
}
