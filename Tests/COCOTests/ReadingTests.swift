import COCO
import Foundation
import Testing

/// The text as a data set.
func dataset(_ json: String) throws -> Dataset {
    try Array(json.utf8).withUnsafeBytes { try Dataset(json: $0, name: "a.json") }
}

/// The text as detections.
func detections(_ json: String) throws -> DetectionTable {
    try Array(json.utf8).withUnsafeBytes { try DetectionTable(json: $0, name: "d.json") }
}

/// The message of the error that `body` throws, nil when it throws none.
func message(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return "\(error)"
    }
}

@Suite struct ReadingTests {
    @Test func readsAllThreeFormsOfMasks() throws {
        let data = try dataset(
            """
            {"info": {"year": [2017, {"a": null}]}, "unknown": [[], {}, -1.5e-3, "\\u00e9\\\\"], "licenses": [],
             "images": [{"id": 9007199254740993, "width": 4, "height": 3, "file_name": "\\u00fc\\ud83d\\ude00.jpg"},
                        {"file_name": null, "id": -2}],
             "annotations": [
              {"segmentation": [[1, 2.5, 3e0, 4, 5.25, -6], [0,0,1,1,2,0]], "id": 0, "image_id": -2,
               "category_id": 7.0, "bbox": [1, 2, 3.5, 4], "area": 12.25, "iscrowd": 0, "extra": {"id": 5}},
              {"id": 9223372036854775807, "image_id": 1, "category_id": 1, "iscrowd": true,
               "segmentation": {"counts": [0, 5, 7], "size": [3, 4]}},
              {"id": 3, "image_id": 1, "category_id": 1, "ignore": 1,
               "segmentation": {"size": [3, 4], "counts": "0\\\\5"}, "bbox": []}],
             "categories": [{"id": 7, "name": "a \\"b\\""}]}
            """)
        #expect(data.info == #"{"year": [2017, {"a": null}]}"#)
        #expect(
            data.images[0] == ImageRecord(id: 9_007_199_254_740_993, width: 4, height: 3, fileName: "ü😀.jpg"))
        #expect(data.images[1] == ImageRecord(id: -2, width: 0, height: 0))
        #expect(data.categories == [Category(id: 7, name: "a \"b\"")])
        #expect(
            data.annotations[0]
                == AnnotationRecord(
                    id: 0, imageID: -2, categoryID: 7, box: BoundingBox(x: 1, y: 2, width: 3.5, height: 4),
                    area: 12.25,
                    segmentation: .polygons([[1, 2.5, 3, 4, 5.25, -6], [0, 0, 1, 1, 2, 0]])))
        #expect(
            data.annotations[1]
                == AnnotationRecord(
                    id: .max, imageID: 1, categoryID: 1, isCrowd: true,
                    segmentation: .runLengths(height: 3, width: 4, counts: [0, 5, 7])))
        #expect(
            data.annotations[2]
                == AnnotationRecord(
                    id: 3, imageID: 1, categoryID: 1, isIgnored: true,
                    segmentation: .compressedRunLengths(height: 3, width: 4, counts: Array("0\\5".utf8))))
    }

    @Test func numbersAreRoundedCorrectly() throws {
        var generator = SeededGenerator(5)
        var texts = [
            "0", "-0", "0.1", "123.45", "1e22", "1e23", "9007199254740993", "0.30000000000000004",
            "9223372036854775807", "18446744073709551616", "5e-324", "2.2250738585072011e-308", "0.0000001",
            "179769313486231570000000000000000000000", "1.7976931348623157E+308", "7.2057594037927933e16",
            "0.000000000000000000000000001", "9999999999999999999", "0.9999999999999999999", "8.5",
        ]
        for _ in 0..<2000 {
            let value = Double(bitPattern: generator.next())
            if value.isFinite { texts.append("\(value)") }
            texts.append("\(Double.random(in: -1000...1000, using: &generator))")
            // As in most files: at most eight characters.
            let (whole, decimals) = (
                Int.random(in: 0...9999, using: &generator), Int.random(in: 1...4, using: &generator)
            )
            let fraction = (0..<decimals).map { _ in String(Int.random(in: 0...9, using: &generator)) }
                .joined()
            texts += [
                "\(whole)", "\(whole % 10).\(fraction)", "\(whole).\(fraction)", "\(whole * whole)",
                "-\(whole).5",
            ]
            texts += ["\(whole)e\(decimals)", "\(whole % 100).\(fraction)E-\(decimals)"]
            texts.append("\(Double.random(in: 0...1e-9, using: &generator))")
            // Decimals half way between two numbers, the hardest to round.
            let half = Double.random(in: 0.5...1, using: &generator)
            texts.append("\(UInt64(half * 0x1p53) * 2 + 1)")
            texts.append(
                "0.\(UInt64.random(in: 1_000_000_000_000_000_000...9_999_999_999_999_999_999, using: &generator))"
            )
        }
        let table = try detections(
            "["
                + texts.map { #"{"image_id":1,"category_id":1,"bbox":[0,0,1,1],"score":\#($0)}"# }
                .joined(separator: ",") + "]")
        for (text, value) in zip(texts, table.scores) {
            #expect(value.bitPattern == Double(text)?.bitPattern, "\(text)")
        }
    }

    @Test func federatedFieldsAreRead() throws {
        let data = try dataset(
            """
            {"images": [{"id": 1, "width": 2, "height": 2, "coco_url": "http://none/val2017/7.jpg",
               "neg_category_ids": [3, 4], "not_exhaustive_category_ids": []}],
             "annotations": [], "categories": [{"id": 1, "name": "a", "frequency": "r", "image_count": 4,
               "instance_count": 5, "synset": "a.n.01", "synonyms": ["a", "b"], "def": "one"}]}
            """)
        #expect(data.isFederated)
        #expect(data.images[0].path == "val2017/7.jpg")
        #expect(data.images[0].negativeCategoryIDs == [3, 4])
        #expect(data.images[0].notExhaustiveCategoryIDs == [])
        #expect(
            data.categories[0]
                == Category(
                    id: 1, name: "a", frequency: .rare, imageCount: 4, instanceCount: 5, synset: "a.n.01",
                    synonyms: ["a", "b"], definition: "one"))
    }

    @Test(arguments: [
        ("", "a.json:1:1: the file is empty"),
        ("  \n ", "the file is empty"),
        ("nonsense", "a JSON object or list is needed, found null"),
        ("[]", "this is a list, like a result file"),
        ("{}", "the field \"images\" is missing"),
        ("{\"images\": [", "the file was probably truncated"),
        ("{\"images\": []", "found the end of the text"),
        ("{\"images\": [], \"images\": []}", "the key \"images\" occurs twice"),
        (
            "{\"images\": [], \"annotations\": [\n{\"id\": 1,\n \"area\": \"4\"}]}",
            "a.json:3:10: annotation 1, field \"area\": a number is needed, found a string"
        ),
        ("{\"images\": [{\"id\": 1.5}]}", "1.5 is not a 64-bit integer"),
        ("{\"images\": [{\"id\": 92233720368547758080}]}", "is not a 64-bit integer"),
        ("{\"images\": [{\"id\": 1}] , \"annotations\": {}}", "a list of objects is needed, found an object"),
        ("{\"images\": [{\"id\": 1}] , \"annotations\": [3]}", "annotation at index 0: an object is needed"),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"image_id\":1}]}",
            "annotation 17: the field \"category_id\" is missing"
        ),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"id\":18}]}",
            "annotation 17: the key \"id\" occurs twice"
        ),
        ("{\"images\":[],\"annotations\":[{\"area\":NaN,\"id\":17}]}", "NaN is not a JSON number"),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"area\":-Infinity}]}",
            "annotation 17, field \"area\": -Infinity is not a JSON number"
        ),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"area\":1e999}]}",
            "annotation 17, field \"area\": the number 1e999 is too large"
        ),
        ("{\"images\":[],\"annotations\":[{\"id\":17,\"area\":01}]}", "malformed number"),
        ("{\"images\":[],\"annotations\":[{\"id\":17,\"area\":1.}]}", "malformed number"),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"bbox\":[1,2,3]}]}",
            "annotation 17, field \"bbox\": a box must be 4 numbers, x, y, width and height, separated by commas; found ']'"
        ),
        ("{\"images\":[],\"annotations\":[{\"id\":17,\"bbox\":[1,2,3,4,5]}]}", "a box must be 4 numbers"),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"segmentation\":[1,2,3,4]}]}",
            "a polygon must be a list of numbers inside"
        ),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"segmentation\":[[1,2,3]]}]}",
            "a polygon of 3 numbers"
        ),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"segmentation\":{\"counts\":[]}}]}",
            "the field \"size\" is missing"
        ),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"segmentation\":{\"counts\":[-1]}}]}",
            "-1 is not a run length"
        ),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"segmentation\":{\"size\":[3]}}]}",
            "\"size\" must be a list of height and width; ',' expected"
        ),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"segmentation\":7}]}",
            "polygons (a list of lists) or run lengths"
        ),
        ("{\"images\":[],\"annotations\":[{\"id\":17,\"iscrowd\":2}]}", "0 or 1 is needed, found 2"),
        ("{\"images\":[],\"categories\":[{\"id\":17,\"name\":\"\\ud800\"}]}", "half of a surrogate pair"),
        (
            "{\"images\":[],\"categories\":[{\"id\":17,\"name\":\"a\nb\"}]}",
            "category 17, field \"name\": a control character"
        ),
        (
            "{\"images\":[],\"annotations\":[{\"id\":17,\"segmentation\":{\"size\":[2,2],\"counts\":\"b'04'\"}}]}",
            "write counts.decode() instead"
        ),
        (
            "{\"images\":[],\"annotations\":[{\"id\":\"a1\"}]}",
            "field \"id\": a number is needed, found a string"
        ),
        ("{\"images\":[],\"annotations\":[{\"id\":1,\"bbox\":[\"1\",2,3,4]}]}", "field \"bbox\": a number"),
        ("{\"images\":[],\"annotations\":[{\"id\":1,\"bbox\":[null,2,3,4]}]}", "field \"bbox\": a number"),
        ("{\"images\":[]} {}", "text after the end"),
        ("{\"images\":[], \"x\": [1 2]}", "',' or ']' expected, found a number"),
        ("\u{1F}\u{8B}abc", "a JSON object or list is needed"),
    ])
    func brokenAnnotationFilesAreRefused(_ text: String, _ expected: String) {
        let text = message { _ = try dataset(text) }
        #expect(text?.contains(expected) == true, "\(text ?? "no error")")
    }

    @Test(arguments: [
        ("{}", "this is an object, like an annotation file"),
        (
            "[{\"image_id\":5,\"category_id\":1,\"score\":NaN,\"bbox\":[1,2,3,4]}]",
            "d.json:1:40: detection at index 0 (image_id 5), field \"score\": NaN is not a JSON number"
        ),
        ("[{\"image_id\":5,\"category_id\":1,\"bbox\":[1,2,3,4]}]", "the field \"score\" is missing"),
        ("[{\"image_id\":5,\"category_id\":1,\"score\":1}]", "neither \"bbox\" nor \"segmentation\""),
        ("[{\"image_id\":\"5x\",\"category_id\":1,\"score\":1}]", "a number is needed, found a string"),
    ])
    func brokenResultFilesAreRefused(_ text: String, _ expected: String) {
        let text = message { _ = try detections(text) }
        #expect(text?.contains(expected) == true, "\(text ?? "no error")")
    }

    @Test func filesThatCannotBeReadAreErrors() {
        #expect(
            message { _ = try Dataset(contentsOf: "/no/such/file.json") }?.contains("No such file") == true)
        #expect(message { _ = try Dataset(contentsOf: "/tmp") }?.contains("is a folder") == true)
        #expect(
            message { _ = try DetectionTable(contentsOf: "/dev/null") }?.contains("the file is empty") == true
        )
    }

    @Test("A17: fields that no figure needs may be of any type") func fieldsThatNoFigureNeedsMayBeOfAnyType()
        throws
    {
        for (image, category) in [
            (#""license": "CC-BY""#, #""supercategory": 0"#), (#""license": """#, #""synonyms": "a""#),
            (#""license": {"a": [1]}"#, #""image_count": 1.5"#), (#""coco_url": 0"#, #""frequency": "x""#),
            (#""width": "wide", "height": -3"#, #""def": ["one"]"#),
            (#""neg_category_ids": {}"#, #""instance_count": true"#), (#""file_name": 3"#, #""synset": 1e9"#),
        ] {
            let text = """
                {"images": [{"id": 1, \(image)}], "categories": [{"id": 1, "name": "a", \(category)}],
                 "annotations": [{"id": 1.0, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "iscrowd": false}]}
                """
            let data = try dataset(text)
            #expect(data.images[0] == ImageRecord(id: 1, width: 0, height: 0))
            #expect(data.categories == [Category(id: 1, name: "a")])
            let folder = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).json").path
            try Data(text.utf8).write(to: URL(filePath: folder))
            defer { try? FileManager.default.removeItem(atPath: folder) }
            // Whoever writes the file again is told.
            #expect(try Dataset.reading(contentsOf: folder).unread.filter(\.isOfOtherType).count >= 2)
        }
        let odd = try dataset(
            #"{"images": [{"id": 1, "width": "640", "height": 480.0}], "categories": [{"id": 0, "name": 7}, {"id": 1}]}"#
        )
        #expect(odd.images[0] == ImageRecord(id: 1, width: 640, height: 480))
        #expect(odd.categories.map(\.name) == ["7", ""])
    }

    /// Ids that a tool wrote as text are the numbers that they say.
    @Test func idsAsText() throws {
        let data = try dataset(
            #"{"images": [{"id": "7"}], "categories": [{"id": "0", "name": "a"}], "#
                + #""annotations": [{"id": "-3", "image_id": "7", "category_id": "0", "bbox": [0, 0, 4, 4]}]}"#
        )
        #expect(data.images.ids == [7] && data.categories.map(\.id) == [0])
        #expect(
            data.annotations[0].id == -3 && data.annotations[0].imageID == 7
                && data.annotations[0].categoryID == 0)
        let found = try detections(
            #"[{"image_id": "7", "category_id": "0", "score": 1, "bbox": [0, 0, 4, 4]}]"#)
        #expect(found[0].imageID == 7 && found[0].categoryID == 0)
        for text in ["01", "+1", "1.5", " 1", "", "9223372036854775808"] {
            #expect(
                message { _ = try dataset("{\"images\": [{\"id\": \"\(text)\"}]}") }?.contains(
                    "found a string") == true)
        }
    }

    @Test func aMaskWithoutContentsIsNone() throws {
        for empty in ["null", "[]", "[[]]", "[[], []]", "{}", "\"\"", " [ [ ] ] "] {
            let data = try dataset(
                """
                {"images": [], "annotations": [
                 {"id": 1, "image_id": 1, "category_id": 1, "segmentation": \(empty), "bbox": [1, 2, 3, 4]},
                 {"id": 2, "image_id": 1, "category_id": 1, "segmentation": [[0,0,1,1,2,0]]}]}
                """)
            #expect(data.annotations[0].segmentation == nil, "\(empty)")
            #expect(data.annotations[1].segmentation == .polygons([[0, 0, 1, 1, 2, 0]]), "\(empty)")
            let found = try detections(
                #"[{"image_id": 1, "category_id": 1, "score": 1, "bbox": [1,2,3,4], "segmentation": \#(empty)}]"#
            )
            #expect(found[0].segmentation == nil)
        }
    }

    @Test("A25: other encodings are named") func otherEncodingsAreNamed() throws {
        for (encoding, name) in [
            (String.Encoding.utf16LittleEndian, "UTF-16"), (.utf16BigEndian, "UTF-16"), (.utf16, "UTF-16"),
            (.utf32LittleEndian, "UTF-32"), (.utf32, "UTF-32"),
        ] {
            let bytes = try #require("{\"images\": []}".data(using: encoding))
            let text = message { _ = try bytes.withUnsafeBytes { try Dataset(json: $0) } }
            #expect(text?.contains("the text is \(name); save it as UTF-8") == true, "\(text ?? "")")
        }
    }

    @Test func deepNestingIsRefused() {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        #expect(
            message { _ = try dataset("{\"images\": [], \"x\": \(deep)}") }?.contains("nested deeper") == true
        )
    }

    @Test func everyPrefixOfAFileIsRefused() throws {
        let text = Array(
            #"{"images":[{"id":1,"width":2,"height":2}],"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[0,1.5,2,2],"segmentation":[[0,0,1,1,2,2]],"area":3}],"categories":[{"id":1,"name":"a"}]}"#
                .utf8)
        _ = try text.withUnsafeBytes { try Dataset(json: $0) }
        for count in 0..<text.count {
            let prefix = Array(text[..<count])
            #expect(throws: AnnotationFileError.self) { try prefix.withUnsafeBytes { try Dataset(json: $0) } }
        }
    }
}
