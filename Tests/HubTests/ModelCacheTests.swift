import FixtureSupport
import Foundation
import Testing

@testable import Hub

@Suite struct ModelCacheTests {
    @Test func environmentNamesTheFolder() {
        #expect(ModelCache(environment: ["HF_HUB_CACHE": "/a", "HF_HOME": "/b"]).folder == "/a")
        #expect(ModelCache(environment: ["HUGGINGFACE_HUB_CACHE": "/c"]).folder == "/c")
        #expect(ModelCache(environment: ["HF_HOME": "/b", "XDG_CACHE_HOME": "/x"]).folder == "/b/hub")
        #expect(ModelCache(environment: ["XDG_CACHE_HOME": "/x"]).folder == "/x/huggingface/hub")
        #expect(
            ModelCache(environment: ["HOME": "/home/me", "HF_HOME": ""]).folder
                == "/home/me/.cache/huggingface/hub")
    }

    @Test func revisionsLeadToSnapshots() throws {
        let folder = try TemporaryFolder()
        try folder.write("abc123\n", "models--some--clip/refs/main")
        try folder.write("{}", "models--some--clip/snapshots/abc123/config.json")
        let cache = ModelCache(folder: folder.path)
        let model = try #require(ModelName("some/clip"))
        let expected = "\(folder.path)/models--some--clip/snapshots/abc123"
        #expect(try cache.snapshot(of: model) == expected)
        #expect(try cache.snapshot(of: model, revision: "abc123") == expected)
        #expect(throws: HubError.self) { try cache.snapshot(of: model, revision: "other") }
        #expect(throws: HubError.self) { try cache.snapshot(of: #require(ModelName("some/other"))) }
    }

    /// A reference is a file's text: it must not lead out of the cache.
    @Test func hostileRevisionsAreRefused() throws {
        let folder = try TemporaryFolder()
        try folder.write("../../..", "models--some--clip/refs/main")
        try folder.write("{}", "models--some--clip/snapshots/abc/config.json")
        let cache = ModelCache(folder: folder.path)
        let model = try #require(ModelName("some/clip"))
        for revision in ["main", "../refs", "..", "", "a//b"] {
            #expect(throws: HubError.self) { try cache.snapshot(of: model, revision: revision) }
        }
    }

    @Test func namesOfModels() {
        for name in ["openai/clip-vit-base-patch32", "gpt2", "a/b.c_d"] { #expect(ModelName(name) != nil) }
        for name in ["", "/a", "a/", "a/b/c", "../x", "a/..", "a b", "a--b/c", "./model"] {
            #expect(ModelName(name) == nil)
        }
    }
}
