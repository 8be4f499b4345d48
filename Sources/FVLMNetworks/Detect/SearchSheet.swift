import FVLM
import Foundation
import Imaging
import Support

/// A page with the crops of the regions that a search has found.
struct SearchSheet {
    private let hits: [RegionIndex.Hit]
    private let index: RegionIndex
    private let names: [String]

    init(_ hits: [RegionIndex.Hit], of index: RegionIndex, _ names: [String]) {
        self.hits = hits
        self.index = index
        self.names = names
    }

    /// The longest side of a crop.
    private static let side = 160

    /// Reads a picture of an index.
    /// - Throws: `DetectionError` if it is another picture now; `ImagingError`.
    static func image(_ picture: RegionIndex.Picture) throws -> Image {
        let image = try Image(contentsOf: picture.path)
        guard image.width == picture.width, image.height == picture.height else {
            throw DetectionError(
                picture.path,
                "has \(image.size) pixels, but \(picture.width) x \(picture.height) when it was indexed")
        }
        return image
    }

    /// The page; each picture is read once.
    func html() throws -> String {
        var crops: [Int: String] = [:]
        for (picture, places) in Dictionary(grouping: hits.indices, by: { hits[$0].picture }).sorted(by: {
            $0.key < $1.key
        }) {
            let image = try Self.image(index.pictures[picture])
            for place in places {
                let bytes = try Self.crop(image, hits[place].box).encoded(as: .jpeg(quality: 85))
                crops[place] = Data(bytes).base64EncodedString()
            }
        }
        var text = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>fvlm search</title>
            <style>
            body { font: 14px "Helvetica Neue", Helvetica, Arial, sans-serif; color: #333; margin: 2em }
            .crops { display: flex; flex-wrap: wrap; gap: 12px }
            figure { margin: 0; width: \(Self.side)px }
            figcaption { font-size: 12px; overflow-wrap: anywhere }
            </style></head><body>

            """
        for (classIndex, name) in names.enumerated() {
            let places = hits.indices.filter { hits[$0].classIndex == classIndex }
            text += "<h2>\(Markup.escaped(name)) (\(places.count))</h2>\n<div class=\"crops\">\n"
            for place in places {
                let hit = hits[place]
                let path = Markup.escaped(index.pictures[hit.picture].path.displayedPath)
                text += """
                    <figure><img src="data:image/jpeg;base64,\(crops[place] ?? "")" alt="\(Markup.escaped(name))">\
                    <figcaption>\(String(format: "%.3f", hit.score)) <span title="\(path)">\
                    \(Markup.escaped(Path.name(index.pictures[hit.picture].path.displayedPath)))</span></figcaption></figure>

                    """
            }
            text += "</div>\n"
        }
        return text + "</body></html>\n"
    }

    /// A region, scaled to the sheet's side.
    private static func crop(_ image: Image, _ box: Imaging.Box) throws -> Image {
        let inside = box.clipped(to: image.size)
        let (x, y) = (Int(inside.x1.rounded(.down)), Int(inside.y1.rounded(.down)))
        let width = max(min(Int(inside.x2.rounded(.up)), image.width) - x, 1)
        let height = max(min(Int(inside.y2.rounded(.up)), image.height) - y, 1)
        let scale = min(Double(side) / Double(max(width, height)), 4)
        let target = ImageSize(
            width: max(Int(Double(width) * scale), 1), height: max(Int(Double(height) * scale), 1))
        let cut = try SpatialTransform.crop(image.size, x: x, y: y, width: width, height: height)
        let resize = try SpatialTransform.resize(ImageSize(width: width, height: height), to: target)
        return try resize.apply(to: cut.apply(to: image, filter: .bilinear), filter: .bilinear)
    }
}
