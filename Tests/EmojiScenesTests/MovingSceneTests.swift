import Imaging
import Testing
import Tracking

@testable import EmojiScenes

struct MovingSceneTests {
    private func scene(seed: UInt64 = 1) -> MovingScene {
        var random = RandomStream(seed: seed, "moving test")
        return MovingScene(
            SyntheticGlyphs.set(), candidates: Array(0..<8), objects: 3, side: 96, seconds: 5, frameRate: 10,
            &random)
    }

    @Test func aSeedGivesTheSameFrames() throws {
        let (a, b, other) = (scene(), scene(), scene(seed: 2))
        for number in [0, 17, 49] {
            #expect(try a.frame(number).image == b.frame(number).image)
            #expect(try a.frame(number).image != other.frame(number).image)
        }
        #expect(a.frameCount == 50 && Set(a.movers.map(\.category)).count == 3)
    }

    /// In the middle of its hidden time an object is not there; before and after it is, somewhere along its way.
    @Test func hiddenObjectsHaveNoBox() throws {
        let scene = scene()
        var count = 0
        for (index, mover) in scene.movers.enumerated() {
            for times in mover.hidden {
                #expect((0.3...1).contains(times.upperBound - times.lowerBound))
                let middle = Int(((times.lowerBound + times.upperBound) / 2 * 10).rounded())
                guard times.contains(scene.time(of: middle)) else { continue }
                #expect(try !scene.frame(middle).objects.contains { $0.number == index })
                count += 1
            }
        }
        #expect(count > 0)
        for frame in stride(from: 0, to: 50, by: 7) {
            for object in try scene.frame(frame).objects {
                let place = scene.movers[object.number].placement(at: scene.time(of: frame))
                let reach = Double(place.size) * 0.75 + 2
                #expect(abs((object.box.left + object.box.right) / 2 - Double(place.x)) < reach)
                #expect(object.box.bottom - object.box.top <= 2 * reach)
            }
        }
    }

    /// Tracks equal to the truth are perfect; hidden objects that come back under another id are counted.
    @Test func figuresOfKnownTracks() {
        func film(_ isHidden: (Int) -> Bool) -> TrackingTest.Film {
            var film = TrackingTest.Film()
            for frame in 0..<60 {
                let box = TrackedBox(left: Double(frame), top: 10, right: Double(frame) + 20, bottom: 30)
                film.objects.append(isHidden(frame) ? [] : [(0, box)])
                film.detections.append(
                    isHidden(frame) ? [] : [TrackedDetection(box: box, score: 0.9, classIndex: 0)])
            }
            return film
        }
        var rules = Tracker.Options()
        rules.minimumSimilarity = nil
        let test = TrackingTest(frameRate: 30)
        let steady = test.figures([film { _ in false }], rules, every: 1)
        // All frames but the first, in which the track is not confirmed.
        #expect(abs((steady["IDF1"] ?? 0) - 2 * 59 / 119) < 1e-9 && steady["returns"] == 0)
        let hidden = film { (25..<40).contains($0) }
        let kept = test.figures([hidden], rules, every: 1)
        #expect(kept["returns"] == 1 && kept["kept"] == 1)
        rules.lostDuration = 0.1
        let lost = test.figures([hidden], rules, every: 1)
        #expect(lost["returns"] == 1 && lost["kept"] == 0 && lost["IDF1"] ?? 1 < 0.8)
    }
}
