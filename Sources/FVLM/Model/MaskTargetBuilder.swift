import RegionDetection
import Torch

/// Creates the mask head's targets from ground-truth masks of either kind.
struct MaskTargetBuilder {
    let kind: DetectorArchitecture.MaskTargetKind
    let side: Int

    /// The side in cells of a soft mask stored within its box: the published F-VLM's.
    static let storedSide = 112

    /// Targets of the foreground regions of one image.
    /// - Parameters:
    ///   - masks: The masks of the objects.
    ///   - objectBoxes: The boxes of the objects.
    ///   - matches: The object of each region, [R].
    ///   - boxes: The regions, [R].
    /// - Returns: The regions with a target, and the targets [count, side, side].
    func callAsFunction(_ masks: [InstanceMask], objectBoxes: Boxes, matches: [Int], boxes: Boxes) throws
        -> (regions: [Int], targets: Tensor)
    {
        var regions: [Int] = []
        var targets: [Tensor] = []
        let outlined = matches.indices.filter {
            if case .polygons = masks[matches[$0]] { true } else { false }
        }
        if !outlined.isEmpty {
            let rings = outlined.map { region -> [[Double]] in
                if case .polygons(let rings) = masks[matches[region]] { rings } else { [] }
            }
            let chosen = try boxes.selected(Tensor(outlined))
            let objects = outlined.map { matches[$0] }
            regions += outlined
            targets.append(try polygonTargets(rings, chosen, objects, objectBoxes))
        }
        let painted = matches.indices.filter { if case .bitmap = masks[matches[$0]] { true } else { false } }
        if !painted.isEmpty {
            let objects = Array(Set(painted.map { matches[$0] })).sorted()
            let bitmaps = try Tensor.stack(
                objects.map { object in
                    guard case .bitmap(let bitmap) = masks[object] else {
                        throw DetectionError("mask targets", "an object has no bitmap mask")
                    }
                    return bitmap
                })
            let places = Dictionary(uniqueKeysWithValues: objects.enumerated().map { ($1, Int64($0)) })
            let index = painted.map { places[matches[$0]] ?? 0 }
            let chosen = try boxes.selected(Tensor(painted))
            let own = try objectBoxes.selected(Tensor(objects))
            regions += painted
            targets.append(try bitmapTargets(bitmaps, index, chosen, own))
        }
        let all =
            targets.isEmpty
            ? try Tensor.zeros([0, side, side]) : try Tensor.cat(targets.map { try $0.to(.float32) })
        return (regions, all)
    }

    private func polygonTargets(_ rings: [[[Double]]], _ boxes: Boxes, _ objects: [Int], _ objectBoxes: Boxes)
        throws
        -> Tensor
    {
        switch kind {
        case .binary: return try MaskTargets.polygons(rings, boxes: boxes, side: side)
        case .soft:
            let own = try objectBoxes.selected(Tensor(objects))
            let stored = try MaskTargets.polygons(rings, boxes: own, side: Self.storedSide)
            return try MaskTargets.boxBitmaps(
                stored, maskBoxes: own, index: objects.indices.map(Int64.init), boxes: boxes, side: side)
        }
    }

    private func bitmapTargets(_ bitmaps: Tensor, _ index: [Int64], _ boxes: Boxes, _ own: Boxes) throws
        -> Tensor
    {
        switch kind {
        case .binary: return try MaskTargets.bitmaps(bitmaps, index: index, boxes: boxes, side: side)
        case .soft:
            let stored = try MaskTargets.bitmaps(
                bitmaps, index: (0..<own.count).map(Int64.init), boxes: own, side: Self.storedSide)
            return try MaskTargets.boxBitmaps(stored, maskBoxes: own, index: index, boxes: boxes, side: side)
        }
    }
}
