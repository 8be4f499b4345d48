import COCO
import Support

/// YOLO's format as Ultralytics' tools read it: `data.yaml` and a text file a picture.
package enum YOLOFormat: DatasetFormat {
    package static let name = FormatName.yolo

    package static func recognizes(_ source: FormatSource) -> Bool {
        guard source.isFolder else { return ["yaml", "yml"].contains(Path.suffix(source.path)) }
        return description(source) != nil
    }

    /// The file that describes the data set; without one, the list of classes that labeling tools export beside it.
    private static func description(_ source: FormatSource) -> String? {
        let names = ["data.yaml", "dataset.yaml", "data.yml"].filter(source.names.contains)
        return (names.first ?? source.names(suffix: "yaml").first).map(source.file)
            ?? (source.names.contains("classes.txt") ? source.path : nil)
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        var report = ConversionReport()
        let path = source.isFolder ? description(source) ?? source.path : source.path
        let files = try YOLOFiles(description: path, subset: options.subset, &report)
        var conversion = try YOLOImport(
            names: files.description.names, categoryIDs: files.description.categoryIDs,
            keyPointNumbers: files.description.keyPointNumbers)
        let images = try files.images(&report) { try options.reader.size($0) }
        for entry in images {
            try conversion.add(entry.image, labels: try YOLOFiles.text(entry.label), source: entry.label)
        }
        report.add(conversion.report)
        return FormatContents(
            dataset: conversion.dataset, report: report,
            files: files.sources + images.flatMap { [Path.join(files.root, $0.image.fileName), $0.label] })
    }

    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        var report = ConversionReport()
        let categories = try YOLOExport.categories(of: [dataset], &report)
        var export = try YOLOExport(options.keepsOutlines ? .polygons : .boxes, categories: categories)
        let folder = try NewFolder(path: path)
        let links = PictureLinks(options)
        let subset = options.subset
        try folder.makeFolder("images/\(subset)")
        try folder.makeFolder("labels/\(subset)")
        var row = 0
        try export.labels(of: dataset, subset: subset, pictures: options.pictures) { picture, label, text in
            try folder.write(text, to: label)
            try links.link(dataset.images[row], as: picture, in: folder)
            row += 1
        }
        try folder.write(
            YOLODescription(
                names: categories.map(\.name), categoryIDs: categories.map(\.id),
                subsets: [(subset, ["images/\(subset)"])]
            ).yaml, to: "data.yaml")
        try folder.finish()
        report.add(export.report)
        report.add("attributes are not kept", count: dataset.annotations.attributes.count)
        report.addFieldsOfCOCO(dataset)
        return report
    }
}
