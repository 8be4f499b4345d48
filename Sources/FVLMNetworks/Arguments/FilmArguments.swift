import ArgumentParser
import Video

/// Which frames of a film are looked at.
struct FilmArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Of a film look at every n-th frame (default: 1).", valueName: "n"))
    var every: Int?

    @Option(
        help: ArgumentHelp(
            "Of a film look at this many frames a second; of a folder of pictures and of pages, how many there are.",
            valueName: "frames"))
    var rate: Double?

    @Option(help: ArgumentHelp("Begin at this time of the film.", valueName: "seconds"))
    var start: Double?

    func validate() throws {
        if let every, every < 1 { throw ValidationError("--every must be at least 1") }
        if let rate, !(rate > 0 && rate <= 1000) {
            throw ValidationError("--rate is above 0 and at most 1000")
        }
        if every ?? 1 > 1, rate != nil { throw ValidationError("--every and --rate exclude each other") }
        if let start, !(start >= 0 && start < 1e7) { throw ValidationError("--start cannot be negative") }
    }

    /// The first option that was given.
    var given: String? {
        every != nil ? "--every" : rate != nil ? "--rate" : start != nil ? "--start" : nil
    }

    /// The options of what reads the frames.
    var reading: FrameOptions {
        var options = FrameOptions()
        options.stride = every ?? options.stride
        options.frameRate = rate
        options.start = start ?? options.start
        return options
    }
}
