# Every target sets up what it needs first; a set-up that is complete costs well under a second.

export PKG_CONFIG_PATH := $(CURDIR)/.libtorch/pkgconfig$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))

.PHONY: help setup build test demo bench lint format fuzz thread-sanitizer test-pages test-server test-label-studio test-video test-long-film test-shards docs examples spelling man dist release-check

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: ## System packages and libtorch (into .libtorch/)
	@Tools/setup

build: setup ## Debug build of everything
	swift build --build-tests

test: setup lint ## Lint, the consumer package, all tests
	Tools/test-consumer
	swift test --disable-xctest

demo: setup ## Finds emoji by name with the committed detector, trains and tests a fresh one (runs/demo)
	Tools/demo

lint: ## Formatting and style of the Swift sources, arrows between targets and folders, names in CONTRIBUTING
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks Examples Fuzz
	@Tools/check-arrows
	@Tools/check-words

format: ## Formats the Swift sources in place
	swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks Examples Fuzz

bench: setup ## Timings against peers (FVLM_PYTHON: an interpreter that has them)
	Tools/bench

test-pages: setup ## The pages of fvlm analyze and fvlm serve in a headless browser (needs chromium-driver; FVLM_PYTHON: one with selenium)
	swift build -c release --product fvlm-networks
	$(or $(FVLM_PYTHON),python3) Tools/test-pages "$$(swift build -c release --show-bin-path)/fvlm"
	$(or $(FVLM_PYTHON),python3) Tools/test-server-page "$$(swift build -c release --show-bin-path)/fvlm"

test-server: setup ## fvlm serve asked by the clients that people use (FVLM_PYTHON: one that has them; SOAK, LOAD: seconds; RATE: requests of SOAK a second)
	swift build -c release --product fvlm-networks
	$(or $(FVLM_PYTHON),python3) Tools/test-server "$$(swift build -c release --show-bin-path)/fvlm" $(addprefix --soak ,$(SOAK)) $(addprefix --rate ,$(RATE)) $(addprefix --load ,$(LOAD))

test-label-studio: setup ## Label Studio with fvlm serve as its model, in a headless browser (FVLM_PYTHON: one with selenium; LABEL_STUDIO: its program)
	swift build -c release --product fvlm-networks
	$(or $(FVLM_PYTHON),python3) Tools/test-label-studio "$$(swift build -c release --show-bin-path)/fvlm" $(or $(LABEL_STUDIO),label-studio)

test-video: setup ## Films read and written with the real ffmpeg (needs ffmpeg and ffprobe)
	swift build -c release --product fvlm-networks
	Tools/test-video "$$(swift build -c release --show-bin-path)/fvlm"

test-long-film: setup ## A film of 10,000 frames: memory, rate, killed and resumed (needs ffmpeg)
	swift build -c release --product fvlm-networks
	Tools/test-long-film "$$(swift build -c release --show-bin-path)/fvlm" $(FRAMES)

test-shards: setup ## 2,000 pictures in 20 archives by four processes, two of them killed; the recipes of Examples/Scaling
	swift build -c release --product fvlm-networks
	Tools/test-shards "$$(swift build -c release --show-bin-path)/fvlm" $(PICTURES)

docs: build ## The documentation site of the libraries (runs/docs); a warning or a link that leads nowhere is an error
	Tools/docs

examples: build ## Compiles the blocks of Swift in documents, runs tutorials and command lines of documents
	Tools/check-examples --run
	Tools/test-documents --program "$$(swift build --show-bin-path)/fvlm"

spelling: ## Spelling and links of all documents (needs hunspell and its dictionary en_US)
	Tools/check-spelling --comments
	Tools/check-links

man: setup ## Manual pages of all commands and topics (runs/man), rendered without a warning (needs groff)
	swift build --product fvlm-networks
	Tools/man-pages --program "$$(swift build --show-bin-path)/fvlm" --check

dist: setup ## An archive and a Debian package that run without Swift or libtorch (dist/; needs patchelf)
	Tools/dist

release-check: ## Whether the last commit can be released: README's commands in a clean clone, site, examples, archive, API
	Tools/release-check

thread-sanitizer: setup ## The concurrency tests under Thread Sanitizer
	swift test --disable-xctest --sanitize=thread --scratch-path .build-tsan --filter SeveralTasks

fuzz: setup ## One parser fed with mutated files: make fuzz TARGET=zip SECONDS=600
	Tools/fuzz $(or $(TARGET),safetensors) $(or $(SECONDS),60)
