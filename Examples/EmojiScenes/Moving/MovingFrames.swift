import Imaging
import Synchronization
import Tracking
import Video

/// The frames of a moving scene, drawn when they are asked for.
final class MovingFrames: FrameSource {
    private let scene: MovingScene
    private let state = Mutex<(next: Int, objects: [[(number: Int, box: TrackedBox)]])>((0, []))

    init(_ scene: MovingScene) { self.scene = scene }

    /// What was visible in the frames so far.
    var objects: [[(number: Int, box: TrackedBox)]] { state.withLock(\.objects) }

    var frameRate: Double { Double(scene.frameRate) }
    var duration: Double? { Double(scene.frameCount) / frameRate }
    var fault: String? { nil }

    func next() throws -> VideoFrame? {
        let number = state.withLock { state in
            state.next += 1
            return state.next - 1
        }
        guard number < scene.frameCount else { return nil }
        let frame = try scene.frame(number)
        state.withLock { $0.objects.append(frame.objects) }
        return VideoFrame(index: number, time: Double(number) / frameRate, image: frame.image)
    }

    func stop() { state.withLock { $0.next = scene.frameCount } }
}
