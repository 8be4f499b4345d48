import Evaluation
import Support

extension JSONObject {
    mutating func add(_ name: String, _ values: [NamedValue]) {
        var object = JSONObject()
        for value in values { object.add(value.name, value.value) }
        add(name, text: object.text)
    }
}
