import HTTPTypes
import Hummingbird

/// The page on which one sees the detector work: `/`, with its script and its style.
struct PageRoutes {
    static func add(to endpoints: Endpoints) {
        for (path, type, bytes) in [
            ("/", "text/html; charset=utf-8", PackageResources.page_html),
            ("/page.js", "text/javascript; charset=utf-8", PackageResources.page_js),
            ("/page.css", "text/css; charset=utf-8", PackageResources.page_css),
        ] {
            endpoints.on(.get, path, isOpen: true, needsModel: false) { _, _ in
                var response = Answers.bytes(bytes, type: type)
                response.headers[.contentSecurityPolicy] = policy
                response.headers[.cacheControl] = "no-cache"
                return response
            }
        }
    }

    /// Nothing but the page's own files runs or is fetched. Colors of classes are set as styles of elements by the script, which
    /// the policy does not concern.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:; "
        + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
