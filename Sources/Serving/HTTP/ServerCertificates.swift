import NIOSSL
import Support

/// The certificates and the key of a server, read once, with a sentence for each way in which files can be wrong.
struct ServerCertificates {
    private let chain: [NIOSSLCertificate]
    private let key: NIOSSLPrivateKey

    /// Reads both files and sees whether they belong together.
    /// - Throws: `ConfigurationError` with the file and what is wrong with it.
    init(chain chainFile: String, key keyFile: String) throws {
        let (chainText, keyText) = (try Self.text(chainFile), try Self.text(keyFile))
        guard chainText.contains("-----BEGIN CERTIFICATE-----") else {
            throw Self.fault(
                chainFile,
                "has no certificate in PEM: '-----BEGIN CERTIFICATE-----' and so on, the server's own first, then those that signed it"
            )
        }
        do { chain = try NIOSSLCertificate.fromPEMBytes(Array(chainText.utf8)) } catch {
            throw Self.fault(chainFile, "has a certificate that cannot be read: it is damaged or cut")
        }
        guard keyText.contains("PRIVATE KEY-----") else {
            throw Self.fault(keyFile, "has no private key in PEM: '-----BEGIN PRIVATE KEY-----' and so on")
        }
        guard !keyText.contains("ENCRYPTED") else {
            throw Self.fault(
                keyFile,
                "is encrypted, and nobody can be asked for its password: write it without, for the server's user alone to read "
                    + "(openssl pkey -in FILE -out PLAIN)")
        }
        do { key = try NIOSSLPrivateKey(bytes: Array(keyText.utf8), format: .pem) } catch {
            throw Self.fault(
                keyFile, "has a private key that cannot be read: it is damaged, cut or of an unknown kind")
        }
        guard Self.isOf(key, chain) else {
            let other = chain.indices.dropFirst().first { Self.isOf(key, [chain[$0]]) }
            throw Self.fault(
                keyFile,
                "is not the key of the first certificate in \(chainFile)"
                    + (other.map { " but of number \($0 + 1): put the server's own first" } ?? ""))
        }
    }

    /// TLS 1.2 and 1.3 with them.
    var configuration: TLSConfiguration { Self.configuration(chain, key) }

    private static func configuration(_ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey)
        -> TLSConfiguration
    {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        return configuration
    }

    /// Whether a key is that of the first certificate.
    private static func isOf(_ key: NIOSSLPrivateKey, _ chain: [NIOSSLCertificate]) -> Bool {
        (try? NIOSSLContext(configuration: configuration(chain, key))) != nil
    }

    private static func text(_ path: String) throws -> String {
        do { return try TextFile(contentsOf: path).text } catch { throw ConfigurationError(error) }
    }

    private static func fault(_ path: String, _ reason: String) -> ConfigurationError {
        ConfigurationError(origin: path, reason: reason)
    }
}
