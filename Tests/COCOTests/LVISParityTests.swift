import COCO
import FixtureSupport
import Foundation
import Testing

@Suite struct LVISParity {
    @Test(arguments: try Fixtures.names("lvis"))
    func matchesTheReference(_ name: String) throws {
        let fixture = try Fixtures.case("lvis", name)
        guard name.hasPrefix("eval-") else {
            Issue.record("the case \(fixture.name) is not understood")
            return
        }
        let truth = try Dataset(contentsOf: fixture.path("gt.json"))
        let detections = try DetectionTable(contentsOf: fixture.path("dt.json"))
        for geometry in EvaluationOptions.Geometry.allCases {
            var options = EvaluationOptions.lvis(geometry)
            options.detectionLimits = [try fixture.parameters["max_detections"].int]
            let right = try Evaluation(truth: truth, detections: detections, options: options)
            let recorded = try fixture.expected[geometry.rawValue]
            try EvaluationParity.check(right.figures(), recorded, geometry.rawValue, fixture)
            try EvaluationParity.checkArrays(right, "out.\(geometry.rawValue)", fixture)
            options.pycocotoolsCompatible = true
            let verbatim = try Evaluation(truth: truth, detections: detections, options: options)
            try EvaluationParity.check(
                verbatim.figures(), geometry == .box ? recorded : try fixture.expected["segm_with_boxes"],
                "\(geometry.rawValue) compatible", fixture)
        }
    }
}
