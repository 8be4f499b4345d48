import COCO
import Dispatch
import Foundation
import Imaging
import Support
import Synchronization

/// A part of the data set: scenes with their own stream of random numbers.
struct SceneSet: Sendable {
    /// The treatment of categories that the detector is not trained on.
    enum NovelObjects: String, Sendable, CaseIterable {
        /// They do not appear.
        case absent
        /// They appear without annotations, as in COCO.
        case unlabeled
        /// They appear and are annotated.
        case labeled
    }

    /// The name of the part, such as `train`, which also names streams, files and folders.
    let name: String

    /// The number of scenes.
    let count: Int

    /// The treatment of novel categories.
    let novelObjects: NovelObjects

    /// Renders the scenes into `folder/name/` and their annotations into `folder/name.json`.
    ///
    /// Category ids are positions in the list of known categories, starting at 1; so are the ids of images and
    /// annotations.
    /// - Returns: The annotations.
    @discardableResult
    func render(
        glyphs: GlyphSet, side: Int, seed: UInt64, folder: String,
        encoding: ImageEncoding = .jpeg(quality: 92)
    ) throws -> Dataset {
        let base = glyphs.categories.indices.filter { glyphs.categories[$0].split == .base }
        let composer = SceneComposer(
            glyphs: glyphs, candidates: novelObjects == .absent ? base : Array(glyphs.categories.indices),
            side: side)
        let isLabeled = Set(novelObjects == .labeled ? Array(glyphs.categories.indices) : base)
        try Folder.make(folder + "/" + name)
        let objects = try parallelMap(count) { index in
            var random = RandomStream(seed: seed, "scenes \(name) \(side)", index: index)
            let scene = try composer.scene(&random)
            try Image(width: side, height: side, pixels: scene.canvas.bytes)
                .write(to: "\(folder)/\(name)/\(fileName(index, encoding))", as: encoding)
            return scene.objects
        }
        var dataset = Dataset()
        dataset.categories = glyphs.categories.enumerated().map { index, category in
            Category(
                id: Int64(index + 1), name: category.name, supercategory: category.group,
                synonyms: category.keywords)
        }
        for (index, objects) in objects.enumerated() {
            dataset.images.append(
                ImageRecord(
                    id: Int64(index + 1), width: side, height: side, fileName: fileName(index, encoding)))
            for object in objects where isLabeled.contains(object.category) {
                dataset.annotations.append(
                    AnnotationRecord(
                        id: Int64(dataset.annotations.count + 1), imageID: Int64(index + 1),
                        categoryID: Int64(object.category + 1), box: object.mask.box,
                        area: Double(object.mask.area),
                        segmentation: .compressedRunLengths(
                            height: side, width: side, counts: object.mask.compressed)))
            }
        }
        try dataset.write(to: "\(folder)/\(name).json")
        return dataset
    }

    private func fileName(_ index: Int, _ encoding: ImageEncoding) -> String {
        let ending: String
        switch encoding {
        case .jpeg: ending = "jpg"
        case .png: ending = "png"
        case .webp, .losslessWebP: ending = "webp"
        }
        return String(format: "%06d.%@", index, ending)
    }
}

/// The results of `body` for 0 up to `count`, computed on all processors.
func parallelMap<Element: Sendable>(_ count: Int, _ body: @Sendable (Int) throws -> Element) throws
    -> [Element]
{
    let results = Mutex<[Result<Element, any Error>?]>(Array(repeating: nil, count: count))
    DispatchQueue.concurrentPerform(iterations: count) { index in
        let result = Result { try body(index) }
        results.withLock { $0[index] = result }
    }
    return try results.withLock { results in try results.compactMap { try $0?.get() } }
}
