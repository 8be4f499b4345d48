import Foundation
import Synchronization
import Torch

/// Rotary positions of a grid of patches (Su et al., 2021): neighbouring pairs of a query's and a key's numbers are turned
/// by angles that grow with the patch's row and column, half of a head's width for each.
///
/// With d the width of a head, pair k of an axis turns by its position times 10000^(-k / (d / 4)). A class token is not
/// turned.
package final class RotaryPositions: Sendable {
    /// How angles follow from a place in the grid.
    package enum Rule: Sendable, Hashable {
        /// Rows first; positions are i / n * `grid` on an axis of n patches, so that any picture spans the grid of the
        /// pretraining (EVA-02).
        case rowsScaled(grid: Int)
        /// Columns first; positions count patches from `first` on, whatever the size of the picture (Perception Encoder).
        case columnsCounted(first: Int)
    }

    /// The turns of the tokens of one grid.
    package struct Table: Sendable {
        /// [L, 1, d] float32: of the angles of every token, class token included.
        let cosines: Tensor
        /// [L, 1, d] float32, with the sign of the pair's other number: minus for the first one of a pair.
        let sines: Tensor

        /// Turns the heads of projected tokens [N, L, heads * d].
        func callAsFunction(_ tokens: Tensor) throws -> Tensor {
            let width = cosines.shape[2]
            let heads = try tokens.unflattened(-1, into: [tokens.size(-1) / width, width])
            let other = try heads.unflattened(-1, into: [width / 2, 2]).flipped([-1]).flattened(from: -2)
            let turned = try heads.to(.float32) * cosines
            try turned.addInPlace(other.to(.float32) * sines)
            return try turned.to(tokens.dtype).flattened(from: -2)
        }
    }

    private let rule: Rule
    private let headWidth: Int
    private let hasClassToken: Bool

    /// The last table: pictures of one size usually follow each other.
    private let recent = Mutex<(grid: Size2D, device: Device, table: Table)?>(nil)

    /// - Parameter headWidth: A multiple of 4.
    package init(_ rule: Rule, headWidth: Int, hasClassToken: Bool) {
        self.rule = rule
        self.headWidth = headWidth
        self.hasClassToken = hasClassToken
    }

    /// The table of a grid.
    /// - Throws: `TorchError`.
    package func callAsFunction(_ grid: Size2D, device: Device) throws -> Table {
        if let known = recent.withLock({ $0 }), known.grid == grid, known.device == device {
            return known.table
        }
        let count = grid.height * grid.width + (hasClassToken ? 1 : 0)
        let angles = angles(grid)
        var signed = angles.map { Float(sin($0)) }
        for place in stride(from: 0, to: signed.count, by: 2) { signed[place].negate() }
        let shape = [count, 1, headWidth]
        let table = Table(
            cosines: try Tensor(angles.map { Float(cos($0)) }, shape: shape).to(device: device),
            sines: try Tensor(signed, shape: shape).to(device: device))
        recent.withLock { $0 = (grid, device, table) }
        return table
    }

    /// The angles of all tokens, `headWidth` each.
    func angles(_ grid: Size2D) -> [Double] {
        let pairs = headWidth / 4
        let frequencies = (0..<pairs).map { pow(10_000, -Double($0) / Double(pairs)) }
        func turns(_ position: Double) -> [Double] {
            frequencies.flatMap { [position * $0, position * $0] }
        }
        var angles = [Double](repeating: 0, count: hasClassToken ? headWidth : 0)
        angles.reserveCapacity((grid.height * grid.width + 1) * headWidth)
        for row in 0..<grid.height {
            for column in 0..<grid.width {
                switch rule {
                case .rowsScaled(let side):
                    angles += turns(Double(row) / Double(grid.height) * Double(side))
                    angles += turns(Double(column) / Double(grid.width) * Double(side))
                case .columnsCounted(let first):
                    angles += turns(Double(column + first))
                    angles += turns(Double(row + first))
                }
            }
        }
        return angles
    }
}
