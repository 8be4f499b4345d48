import Support

/// A file in the form of the MOT challenge: `frame, id, left, top, width, height, score or mark, class, visibility` a line,
/// numbers with commas between; frames from 1.
public struct MOTFile: Sendable, Hashable {
    /// A box of a frame.
    public struct Row: Sendable, Hashable {
        /// The frame, from 1.
        public var frame: Int

        /// The object; -1 for none.
        public var id: Int

        /// The box in pixels of the frame.
        public var box: TrackedBox

        /// Results: the score. Ground truth: 0 for boxes that are not to be considered.
        public var score: Double

        /// Ground truth of MOT17: 1 for pedestrians. -1 where the line does not say.
        public var classNumber: Int

        /// Creates a row.
        public init(frame: Int, id: Int, box: TrackedBox, score: Double = 1, classNumber: Int = -1) {
            self.frame = frame
            self.id = id
            self.box = box
            self.score = score
            self.classNumber = classNumber
        }
    }

    /// The rows in the file's order.
    public var rows: [Row]

    /// Creates a file of rows.
    public init(rows: [Row] = []) { self.rows = rows }

    /// Reads a file; empty lines are skipped.
    ///
    /// - Throws: ``TrackingError`` with the line for one that cannot be read, and for an object that is twice in a frame.
    public init(contentsOf path: String) throws {
        let file: TextFile
        do { file = try TextFile(contentsOf: path) } catch {
            throw TrackingError(
                path, error.reason + (error.advice.map { "; \($0)" } ?? ""), exitStatus: error.exitStatus)
        }
        var rows: [Row] = []
        var seen: Set<[Int]> = []
        for (index, line) in file.lines.enumerated() where !line.allSatisfy(\.isWhitespace) {
            // Some programs put blanks in place of commas. A field between commas may be empty, and has its place then.
            let parts =
                line.contains(",")
                ? line.split(separator: ",", omittingEmptySubsequences: false)
                : line.split { $0 == " " || $0 == "\t" }
            let fields = parts.map { Double($0.filter { !$0.isWhitespace }) }
            guard fields.count >= 6, let numbers = Self.finite(fields.prefix(7)),
                numbers[0].rounded() == numbers[0], numbers[1].rounded() == numbers[1], numbers[4] >= 0,
                numbers[5] >= 0
            else {
                throw TrackingError(
                    "\(path):\(index + 1)",
                    "is not frame, id, left, top, width, height and a score, numbers with commas between")
            }
            let (frame, id) = (Int(numbers[0]), Int(numbers[1]))
            guard frame >= 1 else {
                throw TrackingError("\(path):\(index + 1)", "frame \(frame): frames are counted from 1")
            }
            guard id < 0 || seen.insert([frame, id]).inserted else {
                throw TrackingError("\(path):\(index + 1)", "object \(id) is in frame \(frame) twice")
            }
            let classNumber = fields.count > 7 ? fields[7] ?? -1 : -1
            rows.append(
                Row(
                    frame: frame, id: id,
                    box: TrackedBox(
                        left: numbers[2], top: numbers[3], right: numbers[2] + numbers[4],
                        bottom: numbers[3] + numbers[5]),
                    score: numbers.count > 6 ? numbers[6] : 1,
                    classNumber: classNumber.magnitude < 1e9 ? Int(classNumber) : -1))
        }
        self.rows = rows
    }

    private static func finite(_ fields: ArraySlice<Double?>) -> [Double]? {
        let numbers = fields.compactMap { $0 }.filter { $0.isFinite && $0.magnitude < 1e12 }
        return numbers.count == fields.count ? numbers : nil
    }

    /// The text of the file, as results are written: `frame,id,left,top,width,height,score,-1,-1,-1`.
    public var text: String {
        rows.map { row in
            let box = [row.box.left, row.box.top, row.box.right - row.box.left, row.box.bottom - row.box.top]
                .map { NumberText.decimals($0, 2) }.joined(separator: ",")
            return "\(row.frame),\(row.id),\(box),\(NumberText.decimals(row.score, 4)),-1,-1,-1\n"
        }.joined()
    }

    /// Writes the file.
    /// - Throws: ``TrackingError`` when it cannot be written.
    public func write(to path: String) throws {
        do { try AtomicFile.write(Array(text.utf8), to: path) } catch {
            throw TrackingError(path, error.reason, exitStatus: error.exitStatus)
        }
    }
}

/// What is wrong with tracks or their files.
public struct TrackingError: ReportedError, Hashable {
    /// The file and line, or what else the error is about.
    public let subject: String

    /// What is wrong.
    public let reason: String

    /// How a program ends with it.
    public let exitStatus: ExitStatus

    init(_ subject: String, _ reason: String, exitStatus: ExitStatus = .badData) {
        self.subject = subject
        self.reason = reason
        self.exitStatus = exitStatus
    }
}
