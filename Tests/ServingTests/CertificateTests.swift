import FixtureSupport
import Foundation
import Support
import Testing

@testable import Serving

/// Certificates and keys that openssl makes.
@Suite struct CertificateTests {
    private let folder: TemporaryFolder

    /// A certificate of its own for each kind of key, and one that an authority has signed, with it.
    init() throws {
        folder = try TemporaryFolder()
        let script = """
            set -e
            cd "$0"
            one() { openssl req -x509 -newkey $2 $3 -nodes -keyout $1.key -out $1.pem -days 2 -subj /CN=$1; }
            one ca rsa:2048
            one rsa rsa:2048
            one ec ec "-pkeyopt ec_paramgen_curve:prime256v1"
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout signed.key -out signed.csr -subj /CN=localhost
            printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > names
            openssl x509 -req -in signed.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out signed.pem
            cat signed.pem ca.pem > chain.pem
            cat ca.pem signed.pem > backwards.pem
            openssl ec -in ec.key -out sec1.key
            openssl pkcs8 -topk8 -in ec.key -passout pass:word -out encrypted.key
            openssl ec -in ec.key -aes128 -passout pass:word -out old-encrypted.key
            openssl x509 -in ec.pem -outform der -out der.pem
            head -c 300 ec.pem > cut.pem
            head -c 100 ec.key > cut.key
            : > empty
            echo hello > text
            """
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script, folder.path]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl is needed")
    }

    @Test func whatBelongsTogetherIsTaken() throws {
        for (chain, key) in [
            ("rsa.pem", "rsa.key"), ("ec.pem", "ec.key"), ("ec.pem", "sec1.key"), ("chain.pem", "signed.key"),
        ] {
            let read = try ServerCertificates(chain: folder.file(chain), key: folder.file(key))
            #expect(read.configuration.certificateChain.count == (chain == "chain.pem" ? 2 : 1))
            #expect(read.configuration.minimumTLSVersion == .tlsv12)
        }
    }

    @Test func whatIsWrongIsSaid() throws {
        for (chain, key, file, reason) in [
            ("ec.pem", "rsa.key", "rsa.key", "is not the key of the first certificate in"),
            ("rsa.pem", "ec.key", "ec.key", "is not the key of the first certificate in"),
            ("backwards.pem", "signed.key", "signed.key", "but of number 2: put the server's own first"),
            ("none.pem", "ec.key", "none.pem", "No such file"),
            ("empty", "ec.key", "empty", "has no certificate in PEM"),
            ("text", "ec.key", "text", "has no certificate in PEM"),
            ("ec.key", "ec.pem", "ec.key", "has no certificate in PEM"),
            ("der.pem", "ec.key", "der.pem", "is "),
            ("cut.pem", "ec.key", "cut.pem", "has a certificate that cannot be read"),
            ("ec.pem", "none.key", "none.key", "No such file"),
            ("ec.pem", "empty", "empty", "has no private key in PEM"),
            ("ec.pem", "text", "text", "has no private key in PEM"),
            ("ec.pem", "ec.pem", "ec.pem", "has no private key in PEM"),
            ("ec.pem", "cut.key", "cut.key", "has a private key that cannot be read"),
            ("ec.pem", "encrypted.key", "encrypted.key", "is encrypted"),
            ("ec.pem", "old-encrypted.key", "old-encrypted.key", "is encrypted"),
        ] {
            var options = ServerOptions()
            options.certificates = folder.file(chain)
            options.privateKey = folder.file(key)
            let error = #expect(throws: ConfigurationError.self) {
                _ = try DetectionServer(options) { try TestServer.model }
            }
            #expect(error?.origin == folder.file(file))
            #expect(error?.reason.contains(reason) ?? false, "\(chain), \(key): \(error?.reason ?? "")")
        }
    }
}
