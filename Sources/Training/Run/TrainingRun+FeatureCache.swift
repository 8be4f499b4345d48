import CLIP
import RegionDetection
import FVLM
import Support
import Torch
import WeightFiles

/// The contents of a feature cache and the time it saves.
public struct FeatureCacheReport: Sendable, Hashable {
    /// Views in the cache.
    public var viewCount: Int
    /// The number of these views that were added now.
    public var madeCount: Int
    /// The total size of all files in bytes.
    public var byteCount: Int
    /// Seconds for a view, decoded ahead while the trunk works; 0 if no view was added.
    public var computingSeconds: Double
    /// Seconds for reading the features of a picture.
    public var readingSeconds: Double
    /// How many views are still missing, where the work was asked to stop.
    public var missingCount = 0
}

extension TrainingRun {
    /// Writes the frozen trunk's features of every view of every picture; an interrupted cache is resumed.
    /// - Parameters:
    ///   - folder: The cache.
    ///   - dtype: The element type of the stored features.
    ///   - stopRequest: Ends the work after the view that it is at.
    ///   - progress: Called with the views done and their total.
    /// - Throws: ``TrainingError`` if the folder contains a cache with a different identity, the configuration has no
    ///   fixed number of views, or a file cannot be read or written; `CLIPError`, `TorchError`.
    public func cacheFeatures(
        to folder: String, dtype: DType = .bfloat16, stopRequest: StopRequest = StopRequest(),
        _ progress: (_ done: Int, _ total: Int) -> Void
    ) throws -> FeatureCacheReport {
        guard let views = configuration.data.views else {
            throw TrainingError(
                "data.views", "is not set: a cache holds a fixed number of views of each picture")
        }
        let levels = trunk.levelNames
        let identity = try Self.identity(
            dataset, configuration, clip: clip, levels: levels, dtype: dtype)
        let lock = try FolderLock(making: folder)
        defer { withExtendedLifetime(lock) {} }
        let writer = try FeatureCacheWriter(folder: folder, identity: identity)
        let total = views * dataset.count
        var (made, seconds) = (0, 0.0)
        let pictures = inputs(of: total, without: writer.keys)
        defer { pictures.cancel() }
        var start = ContinuousClock.now
        var missing = total
        // What was made before an error is kept.
        defer { try? writer.flush() }
        for done in 1...max(total, 1) where !stopRequest.isMade {
            guard let input = try pictures.next()?.get() else { break }
            switch input {
            case .known: break
            case .excluded(let key): writer.exclude(key)
            case .pixels(let key, let pixels):
                let features = try withAutocast(configuration.run.precision.autocast, device: device.kind) {
                    try trunk.levels(ofImage: pixels, padding: padding, on: device)
                }
                try writer.write(key, zip(levels, features).map { (name: $0, tensor: $1) })
                made += 1
                seconds += (ContinuousClock.now - start).seconds
                if made == 1 {
                    try Self.checkSpace(
                        in: folder, for: total - done, of: writer.byteCountOfView,
                        free: FileStatus.freeBytes(at: folder))
                }
            }
            missing = total - done
            progress(done, total)
            start = .now
        }
        try writer.flush()
        let cache = try FeatureCache(folder: folder, identity: identity)
        return FeatureCacheReport(
            viewCount: cache.count, madeCount: made, byteCount: cache.byteCount,
            computingSeconds: seconds / Double(max(made, 1)), readingSeconds: try readingTime(cache),
            missingCount: missing)
    }

    /// A view on its way to the trunk.
    private enum Input: Sendable {
        /// It is in the cache.
        case known
        /// Its picture cannot be used.
        case excluded(FeatureKey)
        /// What the trunk sees, [3, H, W].
        case pixels(FeatureKey, Tensor)
    }

    /// Views, pictures after pictures, read and decoded ahead of the trunk by other threads.
    private func inputs(of total: Int, without known: Set<String>) -> ReadAhead<Input> {
        let (dataset, seed) = (dataset, configuration.run.seed)
        let window = 2 * max(configuration.data.workers, 1)
        return ReadAhead(count: total, window: window) { place in
            let (view, row) = place.quotientAndRemainder(dividingBy: dataset.count)
            let key = try dataset.featureKey(at: row, view: view)
            if known.contains(key.description) { return .known }
            var random = ExampleLoader.random(seed: seed, view: view, row: row)
            do {
                return .pixels(key, try dataset.pixels(at: row, random: &random).0)
            } catch is ExcludedPicture {
                return .excluded(key)
            }
        }
    }

    /// Refuses a cache for which the disk has no room, before the hours that it takes.
    /// - Parameters:
    ///   - views: The views that are still to be made.
    ///   - bytes: What one of them takes.
    ///   - free: The bytes that are free; nil if that cannot be told.
    static func checkSpace(in folder: String, for views: Int, of bytes: Int, free: Int?) throws {
        guard let free, views > 0, bytes > free / views else { return }
        throw TrainingError(
            folder,
            "has no room for the cache: \(views) views of \(NumberText.bytes(bytes)) take \(NumberText.bytes(bytes * views)), \(NumberText.bytes(free)) are free. Fewer views (data.views) or bfloat16 take less",
            exitStatus: .failure)
    }

    /// The time for reading a view, averaged over a few.
    private func readingTime(_ cache: FeatureCache) throws -> Double {
        let rows = 0..<min(dataset.count, 16)
        let start = ContinuousClock.now
        for row in rows {
            let key = try dataset.featureKey(at: row, view: 0)
            guard cache.contains(key) else { continue }
            for tensor in try cache.read(key).values {
                // Converted, so that the mapped pages are read.
                _ = try tensor.to(.float32).clone()
            }
        }
        return (ContinuousClock.now - start).seconds / Double(max(rows.count, 1))
    }

    /// The minimum size of batches. For square input, and if features may come from a cache, the trunk's input must not
    /// depend on the other pictures of a batch.
    static func frame(_ configuration: TrainingConfiguration) -> Size2D {
        let isFixed = configuration.detector.input.fitting == .square || configuration.data.views != nil
        return isFixed ? configuration.detector.frame : Size2D(0)
    }

    static func identity(
        _ dataset: TrainingDataset, _ configuration: TrainingConfiguration, clip: CLIPModel, levels: [String],
        dtype: DType
    ) throws -> FeatureCacheIdentity {
        let frame = frame(configuration)
        // The identity of a CLIP covers the space that it embeds into, and two towers with the same identity can have
        // different norms inside: the tower's own digest is added.
        let preprocessing = try dataset.preprocessingIdentity(
            seed: configuration.run.seed, viewCount: configuration.data.views ?? 0,
            more:
                "padded to \(frame.height) x \(frame.width), computed in \(configuration.run.precision.rawValue), tower "
                + clip.store.digest())
        return FeatureCacheIdentity(
            clip: "\(try clip.identity())", preprocessing: preprocessing, levels: levels, dtype: dtype)
    }

    /// The data set with the configured cache.
    static func cached(
        _ dataset: TrainingDataset, in folder: String, _ configuration: TrainingConfiguration,
        clip: CLIPModel, levels: [String]
    ) throws -> CachedDataset {
        let identity = try identity(
            dataset, configuration, clip: clip, levels: levels, dtype: FeatureCache.dtype(in: folder))
        let cache = try FeatureCache(folder: folder, identity: identity)
        let wanted = dataset.count * (configuration.data.views ?? 0)
        guard cache.count + cache.excludedCount >= wanted else {
            throw TrainingError(
                folder,
                "contains \(cache.count) of \(wanted) views: run fvlm cache again to resume it")
        }
        return CachedDataset(dataset, cache: cache)
    }
}
