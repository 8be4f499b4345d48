import Foundation
import Synchronization

/// Messages for the user, next to the program's output. If they cannot be written, the program continues.
package enum StandardError {
    private static let current = Mutex(MessageStyle())

    /// How messages are written; set before the work begins.
    package static var style: MessageStyle {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    /// Writes text that was asked for, quiet or not.
    package static func write(_ text: String) { write(text, level: "info") }

    /// Writes a line that says what was done.
    package static func report(_ text: String) {
        if !style.isQuiet { write(text + "\n", level: "info") }
    }

    /// Writes a line prefixed with "note:".
    package static func note(_ text: String) {
        guard !style.isQuiet else { return }
        write(style.format == .json ? text : "note: \(text)\n", level: "note")
    }

    /// Writes a line about what failed without ending the work, quiet or not.
    package static func warn(_ text: String) { write(text + "\n", level: "warning") }

    /// Writes a line prefixed with "error:", quiet or not.
    package static func fail(_ text: String) {
        write(style.format == .json ? text : "error: \(text)\n", level: "error")
    }

    /// Writes the text, or in JSON's style an object of it.
    package static func write(_ text: String, level: String, fields: (inout JSONObject) -> Void = { _ in }) {
        var text = text.displayedPath
        if style.format == .json {
            var object = JSONObject()
            object.add("time", Date.now.formatted(.iso8601))
            object.add("level", level)
            object.add("message", text.trimmingBlanks())
            fields(&object)
            text = object.text + "\n"
        }
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Descriptor.write($0, to: STDERR_FILENO) }
    }
}
