import Synchronization

/// An amount of something of which requests take a part for as long as they last.
final class Budget: Sendable {
    /// The whole amount.
    let limit: Int
    private let taken = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// How much is taken.
    var used: Int { taken.withLock { $0 } }

    /// A part, given back when it is let go; nil where there is not that much left.
    func take(_ amount: Int) -> Part? {
        let isTaken = taken.withLock { taken in
            guard amount <= limit - taken else { return false }
            taken += amount
            return true
        }
        return isTaken ? Part(self, amount) : nil
    }

    /// A part of the amount.
    final class Part: Sendable {
        private let budget: Budget
        private let amount: Int

        fileprivate init(_ budget: Budget, _ amount: Int) {
            self.budget = budget
            self.amount = amount
        }

        deinit { budget.taken.withLock { $0 -= amount } }
    }
}
