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
