import FixtureSupport
import Foundation
import Imaging
import Support
import Testing

@Suite struct PictureStreamTests {
    private let folder: TemporaryFolder
    private let paths: [String]

    /// Eleven pictures of different widths; the fourth and the last are damaged.
    init() throws {
        folder = try TemporaryFolder()
        let folder = folder
        paths = try (0..<11).map { number in
            let path = folder.file("\(number).png")
            if number == 3 || number == 10 { return try folder.write("no picture", "\(number).png") }
            try Image(width: 10 + number, height: 4).write(to: path)
            return path
        }
    }

    private func stream(_ batchSize: Int) -> PictureStream<Int> {
        PictureStream(paths, batchSize: batchSize) { image, index in image.width * 100 + index }
    }

    /// Batches are full, in order, and tell which files failed on the way to them.
    @Test func batches() async {
        let stream = stream(4)
        var (pictures, faults, ends): ([[Int]], [[Int]], [Int]) = ([], [], [])
        while let batch = await stream.next() {
            pictures.append(batch.pictures.map(\.value))
            faults.append(batch.faults.map(\.index))
            ends.append(batch.end)
            #expect(batch.pictures.allSatisfy { $0.value == (10 + $0.index) * 100 + $0.index })
            #expect(batch.faults.allSatisfy { "\($0.error)".contains("\($0.index).png: is not a picture") })
        }
        #expect(pictures.map(\.count) == [4, 4, 1])
        #expect(pictures.flatMap(\.self).map { $0 % 100 } == [0, 1, 2, 4, 5, 6, 7, 8, 9])
        #expect(faults == [[3], [], [10]] && ends == [5, 9, 11])
    }

    @Test func theSameWithoutTasks() {
        func values() -> [Int] {
            let stream = stream(3)
            var values: [Int] = []
            while let batch = stream.next() { values += batch.pictures.map { $0.value % 100 } }
            return values
        }
        #expect(values() == [0, 1, 2, 4, 5, 6, 7, 8, 9])
    }

    /// A name that is no UTF-8 is read.
    @Test func namesAreBytes() async throws {
        let path = folder.file("caf") + String(pathBytes: [0xE9]) + ".png"
        #expect(path.withPathPointer { rename(paths[0], $0) } == 0)
        let files = try PictureFiles([folder.path])
        #expect(files.paths.contains(path))
        let stream = PictureStream([path]) { image, _ in image.width }
        #expect(await stream.next()?.pictures.map(\.value) == [10])
    }
}
