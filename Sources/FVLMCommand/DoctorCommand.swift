#if FVLM_TORCH
    import ArgumentParser
    import Foundation
    import Imaging
    import Torch

    /// `fvlm doctor`
    struct DoctorCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "doctor",
            abstract: "Shows versions, devices, processor features and picture formats, and tries them.",
            discussion: """
                Example:
                  fvlm doctor

                Ends with 1 when something gives wrong results. A picture format that libvips was built without is no \
                fault. HEIC and AVIF lie in HEIF; each needs its codec in libheif besides.
                """)

        @Flag(help: "Write the findings as JSON.")
        var json = false

        func run() throws {
            let findings = try Findings()
            print(json ? try findings.json() : findings.text)
            if findings.trials.values.contains(false) { throw ExitCode.failure }
        }

        /// What is there, and what works.
        private struct Findings: Encodable {
            let libtorch = Runtime.version
            let vectorInstructions = Runtime.cpuCapability
            let threads = Runtime.threadCount
            /// How many there are of each kind.
            let devices: [String: Int]
            let libvips = ImageFormat.libraryVersion
            /// Which formats are read.
            let pictureFormats: [String: Bool]
            /// Small computations and whether their results are the known ones.
            let trials: [String: Bool]

            init() throws {
                devices = Dictionary(
                    uniqueKeysWithValues: [Device.Kind.cuda, .mps].map { ($0.rawValue, Device.count(of: $0)) }
                )
                pictureFormats = Dictionary(
                    uniqueKeysWithValues: ImageFormat.allCases.map { ($0.rawValue, $0.isReadable) })
                trials = try Dictionary(uniqueKeysWithValues: DoctorCommand.trials())
            }

            var text: String {
                var rows = [
                    ["libtorch", libtorch], ["vector instructions", vectorInstructions],
                    ["threads", "\(threads)"],
                ]
                rows += devices.sorted { $0.key < $1.key }.map { [$0.key, "\($0.value) devices"] }
                rows.append(["libvips", libvips])
                rows += ImageFormat.allCases.map { format in
                    [
                        "pictures: \(format.rawValue)",
                        format.isReadable ? "are read" : "NOT READ by this libvips",
                    ]
                }
                rows += trials.sorted { $0.key < $1.key }.map {
                    [$0.key, $0.value ? "works" : "GIVES WRONG RESULTS"]
                }
                // A line's end follows when it is printed.
                return String(TextTable(rows, leftAligned: 2).text.dropLast())
            }

            func json() throws -> String {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
                return String(decoding: try encoder.encode(self), as: UTF8.self)
            }
        }

        /// Small computations with known results.
        private static func trials() throws -> [(String, Bool)] {
            let ones = try Tensor.ones([1, 8, 16, 16])
            let weight = try Tensor.ones([4, 8, 3, 3])
            let full = try ones.conv2d(weight)
            let half = try ones.to(.bfloat16).conv2d(weight.to(.bfloat16)).to(.float32)
            let leaf = try Tensor([3.0] as [Double]).requiringGrad()
            try (leaf * leaf).backward()
            let picture = try Image(width: 9, height: 7, filledWith: .black)
            let read = try Image(encoded: picture.encoded(as: .png()))
            return [
                ("convolution, float32", try full.min().item() == 72 && full.max().item() == 72),
                ("convolution, bfloat16", try half.min().item() == 72 && half.max().item() == 72),
                ("gradients", try leaf.grad?.item() == 6),
                ("pictures, PNG written and read", read == picture),
            ]
        }
    }
#endif
