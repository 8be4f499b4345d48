import Foundation
import Synchronization
import Torch

extension Operator {
    fileprivate static let viewAsComplex = Operator("aten::view_as_complex")
    fileprivate static let viewAsReal = Operator("aten::view_as_real")
    fileprivate static let multiply = Operator("aten::mul.Tensor")
}

/// Rotary positions of a grid of patches (Su et al., 2021): neighboring pairs of a query's and a key's numbers are turned
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
        /// [L, 1, d / 2, 2] float32: cosine and sine of the angle of every pair of every token, class token included.
        let turns: Tensor

        /// Turns the heads of projected tokens [N, L, heads * d]: a pair is a complex number, and turning it one product.
        func callAsFunction(_ tokens: Tensor) throws -> Tensor {
            let pairs = turns.shape[2]
            let heads = try tokens.size(-1) / (2 * pairs)
            let numbers = try Operator.viewAsComplex(
                tokens.to(.float32).unflattened(-1, into: [heads, pairs, 2]))
            let turned = try Operator.multiply(numbers, Operator.viewAsComplex(turns))
            return try Operator.viewAsReal(turned).flattened(from: -3).to(tokens.dtype)
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
        // Both numbers of a pair turn by the same angle.
        let turns = stride(from: 0, to: angles.count, by: 2).flatMap {
            [Float(cos(angles[$0])), Float(sin(angles[$0]))]
        }
        let table = Table(turns: try Tensor(turns, shape: [count, 1, headWidth / 2, 2]).to(device: device))
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
