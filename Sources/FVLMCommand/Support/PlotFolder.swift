import COCO
import Support
import Foundation

/// A folder for diagrams. Files with the same names are replaced, others are kept.
struct PlotFolder {
    let path: String

    /// Writes the diagrams and creates the folder if it does not exist.
    func write(_ plots: [Evaluation.Plot], notOver inputs: OutputGuard) throws {
        for plot in plots { try inputs.check("\(path)/\(plot.fileName)") }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw AnnotationFileError(
                file: path, kind: .inaccessible, reason: "the folder for the plots cannot be created")
        }
        for plot in plots {
            do {
                try AtomicFile.write(Array(plot.svg.utf8), to: "\(path)/\(plot.fileName)")
            } catch { throw AnnotationFileError(error) }
        }
    }
}
