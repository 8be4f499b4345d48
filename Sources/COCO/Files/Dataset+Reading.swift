import Support

extension Dataset {
    /// Reads an annotation file: COCO instances or LVIS v1, with polygons and both kinds of run lengths.
    ///
    /// Unknown fields are skipped. Coordinates are pixels of the image.
    ///
    /// - Parameter path: The file; `-` for standard input. The file must not change while it is read.
    /// - Throws: ``AnnotationFileError`` with the line, the column and the affected id.
    public init(contentsOf path: String) throws {
        let file = try FileBytes(annotations: path)
        self = try withExtendedLifetime(file) {
            try FileReader.read(file.bytes, name: path, file: file) { try $0.dataset() }
        }
    }

    /// Reads an annotation file leniently, for examination: polygons with an odd number of coordinates and numbers that
    /// are not finite are kept, although ``init(contentsOf:)`` refuses the file. Annotations that cannot be read are omitted.
    ///
    /// - Throws: ``AnnotationFileError``; see ``init(contentsOf:)``.
    public init(examining path: String) throws { try self.init(tolerating: path, isLenient: true) }

    /// Reads an annotation file as ``init(contentsOf:)``, but one faulty annotation does not refuse all: it is one of
    /// ``faults``.
    ///
    /// A segmentation that cannot be read is none; an annotation whose other fields cannot be read is left out. What is no
    /// JSON is an error.
    /// - Throws: ``AnnotationFileError``.
    package init(tolerating path: String) throws { try self.init(tolerating: path, isLenient: false) }

    private init(tolerating path: String, isLenient: Bool) throws {
        let file = try FileBytes(annotations: path)
        self = try withExtendedLifetime(file) {
            try FileReader.read(file.bytes, name: path, file: file) {
                $0.scanner.isTolerant = true
                $0.scanner.isLenient = isLenient
                var dataset = try $0.dataset()
                dataset.faults = $0.described($0.faults, name: path)
                return dataset
            }
        }
    }

    /// The categories of an annotation file in memory, or a list of categories. Of several with one name those without
    /// annotations are left out, as the root categories of export sites.
    ///
    /// - Parameter name: what messages call the file.
    /// - Throws: ``AnnotationFileError``.
    package static func categories(json bytes: UnsafeRawBufferPointer, name: String) throws -> [Category] {
        try FileReader.read(bytes, name: name) { reader in
            guard reader.scanner.peek() == UInt8(ascii: "{") else {
                var categories: [Category] = []
                try reader.categories(into: &categories)
                try reader.scanner.expectEnd()
                return categories
            }
            let dataset = try reader.dataset()
            let counts = dataset.annotationCounts
            let used = Set(
                dataset.categories.filter { counts[$0.id] ?? 0 > 0 }.map { ClassName.key($0.name) })
            return dataset.categories.filter {
                counts[$0.id] ?? 0 > 0 || !used.contains(ClassName.key($0.name))
            }
        }
    }

    /// Reads an annotation file in memory.
    ///
    /// - Parameters:
    ///   - bytes: The JSON text, in UTF-8.
    ///   - name: The file's name in messages.
    /// - Throws: ``AnnotationFileError``.
    public init(json bytes: UnsafeRawBufferPointer, name: String = "JSON") throws {
        self = try FileReader.read(bytes, name: name) { try $0.dataset() }
    }
}

extension FileReader {
    mutating func dataset() throws -> Dataset {
        var result = Dataset()
        var fields = JSONFields(["images", "annotations", "categories", "info", "licenses"])
        guard scanner.peek() == UInt8(ascii: "{") else {
            throw scanner.failure(
                "an annotation file must be an object with \"images\", \"annotations\" and \"categories\"; "
                    + "this is a list, like a result file")
        }
        result.annotations.reserve(forFileOf: scanner.end - scanner.start)
        if try scanner.beginObject() {
            repeat {
                switch try fields.next(&scanner) {
                case 0: try images(into: &result.images)
                case 1: try annotations(into: &result.annotations)
                case 2: try categories(into: &result.categories)
                case 3: result.info = try scanner.rawValue()
                case 4: result.licenses = try scanner.rawValue()
                default: try scanner.skipValue()
                }
            } while try scanner.continueObject()
        }
        try scanner.expectEnd()
        try fields.require(0, scanner)
        return result
    }

    private mutating func annotations(into table: inout AnnotationTable) throws {
        var reader = AnnotationReader()
        try list(of: "annotation") { try reader.read(&$0, into: &table) }
        faults = reader.faults
    }

    private mutating func images(into table: inout ImageTable) throws {
        var fields = JSONFields([
            "id", "width", "height", "file_name", "coco_url", "license", "neg_category_ids",
            "not_exhaustive_category_ids",
        ])
        var unkept: [String: Int] = [:]
        try list(of: "image") { scanner in
            fields.reset()
            var image = ImageRecord(id: 0, width: 0, height: 0)
            if try scanner.beginObject() {
                repeat {
                    let field = try fields.next(&scanner)
                    // All fields but the id may be null or of another type: commands that need the field report it as
                    // missing.
                    if field > 0, scanner.takeNull() { continue }
                    var isKept = true
                    func kept<Value>(_ value: Value?) -> Value? {
                        isKept = value != nil
                        return value
                    }
                    switch field {
                    case 0: image.id = try scanner.identifier()
                    case 1: image.width = Int(kept(try scanner.optional { try $0.size() }) ?? 0)
                    case 2: image.height = Int(kept(try scanner.optional { try $0.size() }) ?? 0)
                    case 3: image.fileName = kept(try scanner.optionalString()) ?? ""
                    case 4: image.cocoURL = kept(try scanner.optionalString()) ?? ""
                    case 5: image.license = kept(try scanner.optional { try $0.integer() })
                    case 6: image.negativeCategoryIDs = kept(try scanner.optional { try $0.integers() })
                    case 7: image.notExhaustiveCategoryIDs = kept(try scanner.optional { try $0.integers() })
                    default: try scanner.skipValue()
                    }
                    if !isKept { unkept["\(fields.name(field))", default: 0] += 1 }
                } while try scanner.continueObject()
            }
            try fields.require(0, scanner)
            table.append(image)
        }
        noteUnkept(unkept, of: "images")
    }

    private mutating func noteUnkept(_ counts: [String: Int], of list: String) {
        for (name, count) in counts {
            unkept.append(UnreadField(list: list, name: name, count: count, isOfOtherType: true))
        }
    }

    fileprivate mutating func categories(into result: inout [Category]) throws {
        var fields = JSONFields([
            "id", "name", "supercategory", "frequency", "image_count", "instance_count", "synset", "synonyms",
            "def",
        ])
        var unkept: [String: Int] = [:]
        try list(of: "category") { scanner in
            fields.reset()
            var category = Category(id: 0, name: "")
            if try scanner.beginObject() {
                repeat {
                    let field = try fields.next(&scanner)
                    if field > 0, scanner.takeNull() { continue }
                    var isKept = true
                    func kept<Value>(_ value: Value?) -> Value? {
                        isKept = value != nil
                        return value
                    }
                    switch field {
                    case 0: category.id = try scanner.identifier()
                    case 1: category.name = kept(try scanner.name()) ?? ""
                    case 2: category.supercategory = kept(try scanner.optionalString())
                    case 3: category.frequency = kept(try scanner.optional { try $0.frequency() })
                    case 4: category.imageCount = kept(try scanner.optional { Int(try $0.integer()) })
                    case 5: category.instanceCount = kept(try scanner.optional { Int(try $0.integer()) })
                    case 6: category.synset = kept(try scanner.optionalString())
                    case 7: category.synonyms = kept(try scanner.optional { try $0.strings() }) ?? []
                    case 8: category.definition = kept(try scanner.optionalString())
                    default: try scanner.skipValue()
                    }
                    if !isKept { unkept["\(fields.name(field))", default: 0] += 1 }
                } while try scanner.continueObject()
            }
            try fields.require(0, scanner)
            result.append(category)
        }
        noteUnkept(unkept, of: "categories")
    }
}

extension JSONScanner {
    /// 0 or 1, false or true; null is false.
    mutating func flag() throws -> Bool {
        switch peek() {
        case UInt8(ascii: "t") where take(word: "true"): return true
        case UInt8(ascii: "f") where take(word: "false"): return false
        case UInt8(ascii: "n") where take(word: "null"): return false
        default: break
        }
        let position = cursor
        let value = try integer()
        guard value == 0 || value == 1 else {
            cursor = position
            throw failure("0 or 1 is needed, found \(value)")
        }
        return value == 1
    }

    /// An id, which may also be written as a string, `"17"`.
    @inline(__always)
    mutating func identifier() throws -> Int64 {
        guard peek() == UInt8(ascii: "\"") else { return try integer() }
        return try identifierOfText()
    }

    private mutating func identifierOfText() throws -> Int64 {
        let position = cursor
        let text = try string()
        guard let id = Int64(text), "\(id)" == text else {
            cursor = position
            throw failure("a number is needed, found a string")
        }
        return id
    }

    /// A number of pixels, which may also be written as a string.
    fileprivate mutating func size() throws -> Int32 {
        guard peek() == UInt8(ascii: "\"") else { return try dimension() }
        guard let size = Int32(try string()), size >= 0 else { throw failure("not a number of pixels") }
        return size
    }

    /// The name of a class; a number is converted to its digits. Nil for a value of another type, which is skipped.
    fileprivate mutating func name() throws -> String? {
        switch peek() {
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try rawValue()
        default: return try optionalString()
        }
    }

    fileprivate mutating func frequency() throws -> Category.Frequency {
        let position = cursor
        let text = try string()
        guard let frequency = Category.Frequency(rawValue: text) else {
            cursor = position
            throw failure("\"frequency\" must be \"r\", \"c\" or \"f\", found \"\(text.prefix(40))\"")
        }
        return frequency
    }

    fileprivate mutating func integers() throws -> [Int64] {
        var result: [Int64] = []
        guard try beginList() else { return result }
        repeat {
            _ = peek()
            result.append(try integer())
        } while try continueList()
        return result
    }

    fileprivate mutating func strings() throws -> [String] {
        var result: [String] = []
        guard try beginList() else { return result }
        repeat { result.append(try string()) } while try continueList()
        return result
    }
}
