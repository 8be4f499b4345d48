import MetricsTestKit
import Testing

@testable import Serving

/// What a program that a server runs in sees in its own metrics system.
@Suite struct MetricsTests {
    @Test func eventsAreTold() throws {
        let system = TestMetrics()
        let metrics = ServerMetrics(system)
        for status in [200, 200, 400] {
            metrics.begin()
            metrics.end(route: "/v1/detect", status: status, seconds: 0.25)
        }
        metrics.begin()
        metrics.refuse(.queue)
        metrics.add(stage: "network", seconds: 0.5)
        metrics.addBatch(of: 3, seconds: 1.5)
        metrics.addObjects(7)
        metrics.addVocabulary(isKnown: true)
        let good = [("route", "/v1/detect"), ("status", "200")]
        #expect(try system.expectCounter("fvlm_requests_total", good).totalValue == 2)
        #expect(system.counterTotal(label: "fvlm_requests_total") == 3)
        let times = try system.expectTimer("fvlm_request_seconds", [("route", "/v1/detect")]).values
        #expect(times == [250_000_000, 250_000_000, 250_000_000])
        #expect(try system.expectMeter("fvlm_open_requests").lastValue == 1)
        #expect(try system.expectCounter("fvlm_refusals_total", [("reason", "queue")]).totalValue == 1)
        #expect(
            try system.expectTimer("fvlm_stage_seconds", [("stage", "network")]).values == [500_000_000])
        #expect(try system.expectRecorder("fvlm_batch_pictures").lastValue == 3)
        #expect(try system.expectCounter("fvlm_pictures_total").totalValue == 3)
        #expect(try system.expectCounter("fvlm_objects_total").totalValue == 7)
        #expect(try system.expectCounter("fvlm_vocabulary_total", [("known", "yes")]).totalValue == 1)
        // The server's own text counts the same.
        let text = metrics.text(waiting: 0, queueLimit: 1, isReady: true, encoded: 0, vocabularies: 0)
        #expect(text.contains("fvlm_requests_total{route=\"/v1/detect\",status=\"200\"} 2\n"))
        #expect(text.contains("fvlm_open_requests 1\n"))
    }
}
