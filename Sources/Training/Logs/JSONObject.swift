import Evaluation
import Foundation
import Support
import WeightFiles

/// A JSON object in the order in which its fields were added.
struct JSONObject {
    private var fields: [String] = []

    /// The text.
    var text: String { "{" + fields.joined(separator: ",") + "}" }

    private mutating func add(_ name: String, text: String) {
        fields.append("\(JSONText.quoted(name)):\(text)")
    }

    mutating func add(_ name: String, _ value: String) { add(name, text: JSONText.quoted(value)) }

    mutating func add(_ name: String, _ value: Int) { add(name, text: String(value)) }

    mutating func add(_ name: String, _ value: Bool) { add(name, text: value ? "true" : "false") }

    /// JSON has no infinities; they become null.
    mutating func add(_ name: String, _ value: Double) {
        add(name, text: value.isFinite ? "\(value)" : "null")
    }

    mutating func add(_ name: String, _ values: [NamedValue]) {
        var object = JSONObject()
        for value in values { object.add(value.name, value.value) }
        add(name, text: object.text)
    }

    mutating func add(_ name: String, _ values: [String]) {
        add(name, text: "[" + values.map(JSONText.quoted).joined(separator: ",") + "]")
    }

    mutating func add(_ name: String, _ objects: [JSONObject]) {
        add(name, text: "[" + objects.map(\.text).joined(separator: ",") + "]")
    }
}
