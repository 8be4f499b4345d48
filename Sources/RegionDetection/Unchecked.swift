/// Pointers for a loop over threads whose parts write to separate places.
struct Unchecked<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
