import Foundation

/// The terminal on standard error.
package enum Terminal {
    /// Whether a line there can be written again: on a terminal that moves its cursor.
    package static var redraws: Bool {
        isatty(STDERR_FILENO) == 1 && ProcessWords.environment["TERM"] != "dumb"
    }

    /// The number of columns; 80 if it is not known.
    package static var columns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
