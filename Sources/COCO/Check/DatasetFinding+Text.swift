extension DatasetFinding.Code {
    /// How bad findings of this kind are.
    package var severity: DatasetFinding.Severity { text.severity }

    /// What findings of this kind count.
    package var subject: DatasetFinding.Subject { text.subject }

    /// What is the case, to be read after a count: `boxes lie wholly outside their image`.
    package var summary: String { text.summary }

    /// What to do about it.
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
                "images use an id that an earlier image has",
                "Give every image an id of its own and correct the annotations that refer to it.")
        case .duplicateAnnotationID:
            Text(
                .error, .annotation,
                "annotations use an id that an earlier annotation has",
                "Renumber the annotations (fvlm split merge --renumber): tools that index by id lose "
                    + "all but one of them.")
        case .duplicateCategoryID:
            Text(
                .error, .category,
                "categories use an id that an earlier category has",
                "Give every category an id of its own and correct the annotations that refer to it.")
        case .duplicateCategoryName:
            Text(
                .warning, .category,
                "categories have the name of an earlier category, but for underscores and case",
                "Remove those without annotations (fvlm split filter), which training leaves out.")
        case .ambiguousCategoryName:
            Text(
                .error, .category,
                "categories with annotations have the name of an earlier one, but for underscores and case",
                "Merge them, or give them names that tell them apart: an open-vocabulary detector sees the name "
                    + "only, and cannot be trained on both.")
        case .emptyCategoryName:
            Text(
                .error, .category,
                "categories have no name",
                "Name them: the name is what an open-vocabulary detector is given.")
        case .unusedCategory:
            Text(
                .note, .category,
                "categories have no annotation",
                "Scores leave them out. Remove them if they are not meant to be there (fvlm split "
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
                "Remove the copies: one of them can never be found and counts as missed.")
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
                "images lack neg_category_ids or not_exhaustive_category_ids, which others of the file have",
                "Write both lists, empty ones too: LVIS's rules cannot score the file without them.")
        case .imageWithoutSize:
            Text(
                .error, .image,
                "images state no width or height",
                "Write the size of the upright picture: masks and the checks of boxes need it.")
        case .imageWithoutFileName:
            Text(
                .error, .image,
                "images name no file",
                "Write file_name (or coco_url, as LVIS does).")
        case .imageWithoutAnnotations:
            Text(
                .note, .image,
                "images have no annotation",
                "Fine for pictures without objects; otherwise annotate them or leave them out (fvlm "
                    + "split filter --drop-empty-images).")
        case .fileNameListedTwice:
            Text(
                .warning, .image,
                "images name the file of an earlier image",
                "Merge the images: their objects are each missing in the other.")
        case .boxMissing:
            Text(
                .error, .annotation,
                "annotations have no box",
                "Write bbox; with a mask it is the mask's box.")
        case .boxNotFinite:
            Text(
                .error, .annotation,
                "boxes hold NaN or an infinite number",
                "Correct or remove the annotations: such a number makes the loss NaN.")
        case .boxEmpty:
            Text(
                .error, .annotation,
                "boxes have no width or height",
                "Remove the annotations or correct the box; [x, y, width, height] is meant, not two "
                    + "corners.")
        case .boxOutside:
            Text(
                .error, .annotation,
                "boxes lie wholly outside their image",
                "Check the order of the numbers ([x, y, width, height], in pixels) and whether the "
                    + "image was resized or turned.")
        case .boxBeyondEdge:
            Text(
                .warning, .annotation,
                "boxes reach more than one pixel beyond their image",
                "Clip them; if there are many, check for [x, y, width, height] against corners and "
                    + "for another image size.")
        case .polygonNotFinite:
            Text(
                .error, .annotation,
                "polygons hold NaN or an infinite number",
                "Correct or remove the annotations.")
        case .polygonOddCount:
            Text(
                .error, .annotation,
                "polygons have an odd count of numbers",
                "A polygon is x0, y0, x1, y1, ...; find the missing or surplus number.")
        case .polygonTooShort:
            Text(
                .error, .annotation,
                "polygons have fewer than three points",
                "Remove these rings: they cover nothing, and some tools fail or read four numbers as "
                    + "a box.")
        case .polygonBeyondEdge:
            Text(
                .warning, .annotation,
                "polygons reach more than one pixel beyond their image",
                "Clip them; if there are many, check whether the image was resized or turned.")
        case .maskBroken:
            Text(
                .error, .annotation,
                "masks cannot be decoded",
                "Write them again from the pixels.")
        case .maskSizeDiffers:
            Text(
                .error, .annotation,
                "run-length masks have another size than their image",
                "Write them again at the size of the upright picture; the order in size is height, "
                    + "width.")
        case .maskEmpty:
            Text(
                .warning, .annotation,
                "masks cover no pixel",
                "Remove the annotations or draw the masks again: nothing can match them.")
        case .crowdWithoutRunLengths:
            Text(
                .warning, .annotation,
                "crowds (iscrowd 1) have polygons, where COCO has run lengths",
                "Check that a group is meant: crowds are left out of training, and finding them earns "
                    + "nothing.")
        case .areaMissing:
            Text(
                .error, .annotation,
                "annotations state no area",
                "Write area: scores by size of object need it. fvlm takes that of the mask or box, other tools "
                    + "fail.")
        case .areaNotFinite:
            Text(
                .error, .annotation,
                "areas are NaN or infinite",
                "Write the number of pixels of the mask, or of the box: all other commands refuse the file.")
        case .areaDisagrees:
            Text(
                .warning, .annotation,
                "annotations state an area that is not their mask's, or exceeds their box",
                "Write the number of pixels of the mask; a box's area in place of the mask's moves "
                    + "objects into the wrong size class.")
        case .boxDisagrees:
            Text(
                .warning, .annotation,
                "annotations have a box that is not their mask's",
                "Write the mask's box again, or the mask; one of them was changed alone.")
        case .pictureMissing:
            Text(
                .error, .image,
                "pictures are not in the folder",
                "Fetch them, give another --images folder, or correct file_name.")
        case .pictureUnreadable:
            Text(
                .error, .image,
                "files cannot be read as pictures",
                "Fetch or convert them again.")
        case .pictureSizeDiffers:
            Text(
                .error, .image,
                "pictures have another size than the file states",
                "Annotations belong to pictures of the stated size: fetch those, or scale boxes and "
                    + "masks.")
        case .pictureTurned:
            Text(
                .error, .image,
                "pictures are stored turned (EXIF orientation), and the file states the size before "
                    + "turning",
                "Turn the pictures for good (the annotations fit the stored pixels), or annotate the "
                    + "upright pictures: programs that respect EXIF show them turned.")
        case .pictureListedTwice:
            Text(
                .warning, .image,
                "pictures are byte for byte the same as an earlier one",
                "Keep one: the other counts twice in training and scores.")
        case .pictureNotListed:
            Text(
                .note, .file,
                "files in the folder are not listed",
                "They take no part. List them if they should.")
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
                "Use one list of categories for both: a detector trained on the one is scored wrongly "
                    + "on the other.")
        }
    }
}
