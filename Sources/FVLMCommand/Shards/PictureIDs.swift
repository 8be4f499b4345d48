import Support

/// Ids of pictures in a COCO results file: the number in a picture's name, as in COCO's; otherwise the next number that
/// no picture has.
package struct PictureIDs {
    private let named: Set<Int>
    private var taken: Set<Int>
    private var next = 1

    /// Creates ids.
    /// - Parameters:
    ///   - files: All pictures of the run.
    ///   - taken: Ids already used by an earlier part of the run.
    package init(files: [String], taken: some Sequence<Int> = []) {
        named = Set(files.compactMap(Self.number))
        self.taken = Set(taken)
    }

    /// The unique id of a picture.
    package mutating func id(of file: String) -> Int {
        if let number = Self.number(file), taken.insert(number).inserted { return number }
        while named.contains(next) || taken.contains(next) { next += 1 }
        taken.insert(next)
        return next
    }

    private static func number(_ file: String) -> Int? {
        let name = Path.stem(file)
        return name.allSatisfy { $0.isASCII && $0.isNumber } ? Int(name) : nil
    }
}
