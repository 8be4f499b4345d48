# Not run yet: the package has never been compiled on macOS. url and sha256 are filled in by a release.
class Fvlm < Formula
  desc "Open-vocabulary object detection and segmentation"
  homepage "https://github.com/.../swift-fvlm"
  url "https://github.com/.../swift-fvlm/archive/refs/tags/0.1.0.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license "Apache-2.0"

  depends_on "pkg-config" => :build
  depends_on xcode: ["26.0", :build]
  depends_on macos: :sequoia
  depends_on "pytorch"
  depends_on "vips"

  def install
    # Tools/setup describes the libtorch of the formula pytorch for the build.
    libtorch = Dir[Formula["pytorch"].opt_prefix/"libexec/lib/python3.*/site-packages/torch"].first
    ENV["LIBTORCH"] = libtorch
    system "Tools/setup"
    system "swift", "build", "--disable-sandbox", "-c", "release", "--product", "fvlm-networks",
           "-Xlinker", "-rpath", "-Xlinker", "#{libtorch}/lib"
    libexec.install ".build/release/fvlm", ".build/release/fvlm-networks"
    bin.install_symlink libexec/"fvlm"
    system "Tools/man-pages", "--program", libexec/"fvlm", "--output", "man"
    man1.install Dir["man/*.1"]
    man7.install Dir["man/*.7"]
    generate_completions_from_executable(libexec/"fvlm", "--generate-completion-script")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/fvlm --version")
    system bin/"fvlm", "doctor"
  end
end
