import Support

/// Reads the lists of an annotation file and keeps track of the current object for messages.
struct FileReader {
    /// The list being read.
    enum Subject {
        case file
        case object(kind: StaticString, index: Int, start: Int, idKey: StaticString)
    }

    let file: FileBytes?
    var scanner: JSONScanner
    var subject = Subject.file

    /// Annotations of which not everything could be read.
    var faults: [FaultPlace] = []

    /// Known fields that were not kept because their values have another type.
    var unkept: [UnreadField] = []

    init(_ bytes: UnsafeRawBufferPointer, file: FileBytes?) throws {
        self.file = file
        scanner = try JSONScanner(bytes)
    }

    /// Calls `body` for every object of a list; `body` reads the object.
    @inline(__always)
    mutating func list(
        of kind: StaticString, idKey: StaticString = "id", _ body: (inout JSONScanner) throws -> Void
    ) throws {
        guard scanner.peek() == UInt8(ascii: "[") else {
            throw scanner.failure("a list of objects is needed, found \(scanner.found)")
        }
        guard try scanner.beginList() else { return }
        var index = 0
        repeat {
            _ = scanner.peek()
            subject = .object(kind: kind, index: index, start: scanner.position, idKey: idKey)
            try body(&scanner)
            file?.release(before: scanner.position)
            index += 1
        } while try scanner.continueList()
        subject = .file
    }

    /// Reads `bytes` with `body` and converts a failure to an error with its position.
    static func read<Result>(
        _ bytes: UnsafeRawBufferPointer, name: String, file: FileBytes? = nil,
        _ body: (inout FileReader) throws -> Result
    ) throws -> Result {
        var reader: FileReader
        do {
            reader = try FileReader(bytes, file: file)
        } catch let failure as JSONScanner.Failure {
            throw error(failure, bytes, name: name, object: "")
        }
        do {
            return try body(&reader)
        } catch let failure as JSONScanner.Failure {
            throw error(failure, bytes, name: name, object: reader.objectText(failure))
        }
    }

    private static func error(
        _ failure: JSONScanner.Failure, _ bytes: UnsafeRawBufferPointer, name: String, object: String
    ) -> AnnotationFileError {
        var line = 1
        var lineStart = 0
        for position in 0..<min(failure.position, bytes.count) where bytes[position] == 0x0A {
            line += 1
            lineStart = position + 1
        }
        return AnnotationFileError(
            file: name, line: line, column: failure.position - lineStart + 1, object: object,
            reason: failure.reason)
    }

    /// The object being read, named by its id or else its index, and the field that failed.
    func objectText(_ failure: JSONScanner.Failure) -> String {
        guard case .object(let kind, let index, let start, let key) = subject else { return "" }
        let field = field(at: failure.position, ofObjectAt: start).map { ", field \"\($0)\"" } ?? ""
        if let id = identifier(at: start, key: key) {
            return (key.description == "id" ? "\(kind) \(id)" : "\(kind) at index \(index) (\(key) \(id))")
                + field
        }
        return "\(kind) at index \(index)" + field
    }

    /// The key of the object at `start` whose value contains a position; nil between values.
    private func field(at position: Int, ofObjectAt start: Int) -> String? {
        var copy = scanner
        copy.cursor = copy.start + start
        copy.isLenient = true
        guard (try? copy.beginObject()) == true else { return nil }
        while true {
            guard let key = try? copy.string(), (try? copy.expect(":")) != nil else { return nil }
            _ = copy.peek()
            let first = copy.position
            let isWhole = (try? copy.skipValue()) != nil
            if position >= first, !isWhole || position < copy.position { return key }
            guard isWhole, (try? copy.continueObject()) == true else { return nil }
        }
    }

    /// The value of the key of the object at `start`, scanned again from there.
    func identifier(at start: Int, key: StaticString) -> Int64? {
        var copy = scanner
        copy.cursor = copy.start + start
        guard (try? copy.beginObject()) == true else { return nil }
        while true {
            var fields = JSONFields([key])
            guard let index = try? fields.next(&copy) else { return nil }
            if index == 0 { return try? copy.identifier() }
            guard (try? copy.skipValue()) != nil, (try? copy.continueObject()) == true else { return nil }
        }
    }
}

extension FileBytes {
    /// Opens an annotation or result file; `-` is standard input.
    convenience init(annotations path: String) throws(AnnotationFileError) {
        do { try self.init(contentsOf: path) } catch { throw AnnotationFileError(error) }
    }
}

extension AnnotationFileError {
    /// The text of a file without a byte-order mark; `-` is standard input.
    ///
    /// - Throws: ``AnnotationFileError`` if the file cannot be read or is not UTF-8.
    package static func text(contentsOf path: String) throws -> String {
        do { return try TextFile(contentsOf: path).text } catch { throw AnnotationFileError(error) }
    }
}

/// A fault while the file is read.
struct FaultPlace {
    let loss: RecordFault.Loss
    let row: Int
    let index: Int
    var start: Int
    let failure: JSONScanner.Failure
}

extension FileReader {
    /// Describes faults of annotations, which are in the order of their places.
    func described(_ places: [FaultPlace], name: String) -> [RecordFault] {
        var (line, lineStart, position) = (1, 0, 0)
        return places.map { place in
            // One pass over the file for all of them: a place lies behind the one before.
            while position < place.failure.position {
                if scanner.start[position] == 0x0A { (line, lineStart) = (line + 1, position + 1) }
                position += 1
            }
            var reader = self
            reader.subject = .object(kind: "annotation", index: place.index, start: place.start, idKey: "id")
            return RecordFault(
                loss: place.loss, row: place.row, imageID: identifier(at: place.start, key: "image_id"),
                id: identifier(at: place.start, key: "id"),
                error: AnnotationFileError(
                    file: name, line: line, column: place.failure.position - lineStart + 1,
                    object: reader.objectText(place.failure), reason: place.failure.reason))
        }
    }
}
