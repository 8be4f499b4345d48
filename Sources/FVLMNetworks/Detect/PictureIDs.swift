import Foundation

/// Ids of pictures in a COCO results file: the number that a picture is named after, as COCO's pictures are; for others
/// the next number that no picture has.
struct PictureIDs {
    private let named: Set<Int>
    private var taken: Set<Int>
    private var next = 1

    /// - Parameters:
    ///   - files: All pictures of the work.
    ///   - taken: Ids that an earlier part of the work has given already.
    init(files: [String], taken: some Sequence<Int> = []) {
        named = Set(files.compactMap(Self.number))
        self.taken = Set(taken)
    }

    /// The id of a picture, which no other one gets.
    mutating func id(of file: String) -> Int {
        if let number = Self.number(file), taken.insert(number).inserted { return number }
        while named.contains(next) || taken.contains(next) { next += 1 }
        taken.insert(next)
        return next
    }

    private static func number(_ file: String) -> Int? {
        let name = URL(filePath: file).deletingPathExtension().lastPathComponent
        return name.allSatisfy { $0.isASCII && $0.isNumber } ? Int(name) : nil
    }
}
