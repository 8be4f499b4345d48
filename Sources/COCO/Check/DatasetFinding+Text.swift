extension DatasetFinding.Code {
    /// The severity of findings of this kind.
    package var severity: DatasetFinding.Severity { text.severity }

    /// The kind of object that findings of this kind count.
    package var subject: DatasetFinding.Subject { text.subject }

    /// A description to follow a count: `boxes are wholly outside their image`.
    package var summary: String { text.summary }

    /// The recommended action.
    package var advice: String { text.advice }

    private struct Text {
        let severity: DatasetFinding.Severity
        let subject: DatasetFinding.Subject
        let summary: String
        let advice: String

        init(
            _ severity: DatasetFinding.Severity, _ subject: DatasetFinding.Subject, _ summary: String,
            _ advice: String
        ) {
            (self.severity, self.subject, self.summary, self.advice) = (severity, subject, summary, advice)
        }
    }

    private var text: Text {
        switch self {
        case .duplicateImageID:
            Text(
                .error, .image,
                "images use the id of an earlier image",
                "Give every image its own id and correct the annotations that refer to it.")
        case .duplicateAnnotationID:
            Text(
                .error, .annotation,
                "annotations use the id of an earlier annotation",
                "Renumber the annotations (fvlm split merge --renumber): tools that index by id lose "
                    + "all but one of them.")
        case .duplicateCategoryID:
            Text(
                .error, .category,
                "categories use the id of an earlier category",
                "Give every category its own id and correct the annotations that refer to it.")
        case .duplicateCategoryName:
            Text(
                .warning, .category,
                "categories have the name of an earlier category, ignoring underscores and case",
                "Remove those without annotations (fvlm split filter), which training ignores.")
        case .ambiguousCategoryName:
            Text(
                .error, .category,
                "categories with annotations have the name of an earlier one, ignoring underscores and case",
                "Merge them, or give them distinct names: an open-vocabulary detector sees only the name "
                    + "and cannot be trained on both.")
        case .emptyCategoryName:
            Text(
                .error, .category,
                "categories have no name",
                "Name them: an open-vocabulary detector is given the name.")
        case .unusedCategory:
            Text(
                .note, .category,
                "categories have no annotation",
                "Scores ignore them. Remove them if they are not intended (fvlm split "
                    + "filter).")
        case .unknownImage:
            Text(
                .error, .annotation,
                "annotations refer to an image that the file does not have",
                "Add the images or remove the annotations.")
        case .unknownCategory:
            Text(
                .error, .annotation,
                "annotations refer to a category that the file does not have",
                "Add the categories or remove the annotations.")
        case .duplicateAnnotation:
            Text(
                .warning, .annotation,
                "annotations repeat an earlier one: same image, category and box",
                "Remove the copies: they can never be matched and count as missed.")
        case .absentCategoryAnnotated:
            Text(
                .error, .annotation,
                "annotations are of a category that their image lists as absent (neg_category_ids)",
                "Correct the list or the annotation: detections of the category would count as true "
                    + "and as false.")
        case .unknownCategoryListed:
            Text(
                .warning, .image,
                "images list categories that the file does not have (neg_category_ids, "
                    + "not_exhaustive_category_ids)",
                "Add the categories or shorten the lists.")
        case .categoryListMissing:
            Text(
                .error, .image,
                "images lack neg_category_ids or not_exhaustive_category_ids, which others in the file have",
                "Write both lists, empty ones too: the file cannot be scored by LVIS's rules without them.")
        case .imageWithoutSize:
            Text(
                .error, .image,
                "images state no width or height",
                "Write the size of the upright picture: masks and the checks of boxes need it.")
        case .imageWithoutFileName:
            Text(
                .error, .image,
                "images have no file name",
                "Write file_name (or coco_url, as LVIS does).")
        case .imageWithoutAnnotations:
            Text(
                .note, .image,
                "images have no annotation",
                "Fine for pictures without objects; otherwise annotate or drop them (fvlm "
                    + "split filter --drop-empty-images).")
        case .fileNameListedTwice:
            Text(
                .warning, .image,
                "images have the file name of an earlier image",
                "Merge the images: each lacks the other's objects.")
        case .boxMissing:
            Text(
                .error, .annotation,
                "annotations have no box",
                "Add bbox; for an annotation with a mask, it is the mask's box.")
        case .boxNotFinite:
            Text(
                .error, .annotation,
                "boxes contain NaN or an infinite number",
                "Correct or remove the annotations: such a number makes the loss NaN.")
        case .boxEmpty:
            Text(
                .error, .annotation,
                "boxes have no width or height",
                "Remove the annotations or correct the box; the format is [x, y, width, height], not two "
                    + "corners.")
        case .boxOutside:
            Text(
                .error, .annotation,
                "boxes are wholly outside their image",
                "Check the order of the numbers ([x, y, width, height], in pixels) and whether the "
                    + "image was resized or turned.")
        case .boxBeyondEdge:
            Text(
                .warning, .annotation,
                "boxes extend more than one pixel beyond their image",
                "Clip them; if there are many, check whether they are corners instead of [x, y, width, height], and "
                    + "whether the image size differs.")
        case .annotationUnreadable:
            Text(
                .error, .annotation,
                "annotations cannot be read",
                "Correct or remove them: scores and conversions refuse the file, training leaves them out.")
        case .segmentationUnreadable:
            Text(
                .error, .annotation,
                "segmentations are neither polygons nor run lengths",
                "Write polygons as lists of numbers in a list, [[x0, y0, x1, y1, ...]], or run lengths.")
        case .polygonNotFinite:
            Text(
                .error, .annotation,
                "polygons contain NaN or an infinite number",
                "Correct or remove the annotations.")
        case .polygonOddCount:
            Text(
                .error, .annotation,
                "polygons have an odd number of coordinates",
                "A polygon is x0, y0, x1, y1, ...; find the missing or extra number.")
        case .polygonTooShort:
            Text(
                .error, .annotation,
                "polygons have fewer than three points",
                "Remove these rings: they cover nothing, and some tools fail or read four numbers as "
                    + "a box.")
        case .polygonBeyondEdge:
            Text(
                .warning, .annotation,
                "polygons extend more than one pixel beyond their image",
                "Clip them; if there are many, check whether the image was resized or turned.")
        case .maskBroken:
            Text(
                .error, .annotation,
                "masks cannot be decoded",
                "Encode them again from the pixels.")
        case .maskSizeDiffers:
            Text(
                .error, .annotation,
                "run-length masks differ in size from their image",
                "Encode them again at the size of the upright picture; the order in size is height, "
                    + "width.")
        case .maskEmpty:
            Text(
                .warning, .annotation,
                "masks contain no pixels",
                "Remove the annotations or draw the masks again: nothing can match them.")
        case .crowdWithoutRunLengths:
            Text(
                .warning, .annotation,
                "crowds (iscrowd 1) have polygons, where COCO uses run lengths",
                "Check that a group is intended: training ignores crowds, and finding them earns "
                    + "nothing.")
        case .areaMissing:
            Text(
                .error, .annotation,
                "annotations have no area",
                "Add area: scores by object size need it. fvlm uses that of the mask or box, other tools "
                    + "fail.")
        case .areaNotFinite:
            Text(
                .error, .annotation,
                "areas are NaN or infinite",
                "Use the number of pixels of the mask, or of the box: all other commands refuse the file.")
        case .areaDisagrees:
            Text(
                .warning, .annotation,
                "annotations have an area that differs from their mask's or exceeds their box",
                "Use the number of pixels of the mask; the box's area instead of the mask's moves "
                    + "objects into the wrong size class.")
        case .boxDisagrees:
            Text(
                .warning, .annotation,
                "annotations have a box that differs from their mask's",
                "Recompute the box from the mask, or correct the mask; one of them was changed alone.")
        case .pictureMissing:
            Text(
                .error, .image,
                "pictures are missing from the folder",
                "Download them, use another --images folder, or correct file_name.")
        case .pictureUnreadable:
            Text(
                .error, .image,
                "files cannot be read as pictures",
                "Download or convert them again.")
        case .pictureSizeDiffers:
            Text(
                .error, .image,
                "pictures differ in size from what the file states",
                "Annotations belong to pictures of the stated size: use those, or scale boxes and "
                    + "masks.")
        case .pictureTurned:
            Text(
                .error, .image,
                "pictures are stored turned (EXIF orientation), but the file states the size before "
                    + "turning",
                "Remove the EXIF orientation (the annotations fit the stored pixels), or annotate the "
                    + "upright pictures: programs that respect EXIF show them turned.")
        case .pictureListedTwice:
            Text(
                .warning, .image,
                "pictures are byte-for-byte copies of an earlier one",
                "Keep one: copies count twice in training and scores.")
        case .pictureNotListed:
            Text(
                .note, .file,
                "files in the folder are not listed",
                "They are not used. List them if they should be.")
        case .sharedPicture:
            Text(
                .error, .image,
                "pictures are also in the other data set, byte for byte",
                "Remove them from one of the two: scores on pictures that were trained on say "
                    + "nothing.")
        case .sharedFileName:
            Text(
                .warning, .image,
                "file names are also in the other data set",
                "If they are the same pictures, remove them from one of the two (--images with "
                    + "--against-images compares the contents).")
        case .categoryDiffers:
            Text(
                .error, .category,
                "categories have another id or name in the other data set",
                "Use one list of categories for both: a detector trained on one is scored wrongly "
                    + "on the other.")
        }
    }
}
