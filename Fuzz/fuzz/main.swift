import CFuzzer
import Foundation

// Feeds one parser with mutated inputs: `FUZZ_TARGET=zip fuzz [libFuzzer options] [corpus folder]`. Tools/fuzz builds
// and runs this.

let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
guard let chosen = FuzzTarget.all[name] else {
    print("FUZZ_TARGET must be one of \(FuzzTarget.all.keys.sorted().joined(separator: ", "))")
    exit(64)
}
FuzzTarget.current = chosen

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
    LLVMFuzzerRunDriver(&count, &arguments) { data, size in
        FuzzTarget.current?.run(UnsafeRawBufferPointer(start: data, count: size))
        return 0
    })
