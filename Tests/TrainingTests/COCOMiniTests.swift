import COCO
import FVLM
import Foundation
import Imaging
import Testing
import Torch

@testable import Training

private let photographs = ProcessInfo.processInfo.environment["FVLM_COCO_MINI"]

/// Real photographs. Their licenses keep them out of the repository: FVLM_COCO_MINI names the folder.
@Suite(.enabled("needs FVLM_COCO_MINI, the folder of the photographs") { photographs != nil })
struct COCOMiniTests {
    private func dataset(_ augmentation: Augmentation, _ options: TrainingDataset.Options = .init()) throws
        -> TrainingDataset
    {
        let folder = try #require(photographs)
        return try TrainingDataset(
            Dataset(contentsOf: "\(folder)/instances_train.json"), imagesIn: "\(folder)/images/train",
            augmentation: augmentation, options: options)
    }

    @Test func baseClassesOnly() throws {
        let dataset = try dataset(
            .init(), .init(classes: .split(.coco48x17), keepsImagesWithoutObjects: false))
        #expect(dataset.classNames.count == 48 && dataset.summary.removedAnnotations > 0)
        let all = try self.dataset(.init())
        #expect(all.summary.objects == 740 && all.summary.crowds == 6 && all.count == 100)
    }

    /// Two epochs of jitter: every box lies in its picture and holds its mask.
    @Test func objectsStayInTheirPictures() throws {
        let dataset = try dataset(.published(side: 160), .init(minimumBoxSide: 2))
        let loader = try ExampleLoader(dataset, options: .init(batchSize: 10, seed: 1))
        var objects = 0
        for _ in 0..<10 {
            for example in try loader.nextBatch() {
                let size = example.pixels.shape
                let boxes = try example.boxes.tensor.array(of: Float.self)
                #expect(
                    example.classes.count == example.masks.count && boxes.count == 4 * example.classes.count)
                for (place, mask) in example.masks.enumerated() {
                    let box = boxes[4 * place..<4 * place + 4].map { $0 }
                    #expect(
                        box[0] >= 0 && box[1] >= 0 && box[2] <= Float(size[2]) && box[3] <= Float(size[1]))
                    #expect(box[2] - box[0] >= 2 && box[3] - box[1] >= 2)
                    objects += 1
                    guard case .polygons(let rings) = mask else { continue }
                    let numbers = rings.joined()
                    #expect(numbers.allSatisfy { $0 >= -1e-6 && $0 <= 160 + 1e-6 })
                }
            }
        }
        #expect(objects > 200)
    }
}
