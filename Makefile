# Everything a newcomer needs is here: `make demo` shows the main job, `make test` proves the build. See `make help`.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
BIN := build/release/bin/hone

PREFIX ?= /usr/local

.PHONY: help demo test test-build build install sanitize tsan conformance bench bench-train bench-serve fuzz-smoke oracle-test format check-format tidy minimal deb clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: ## install what the build needs and build Release: build/release/bin/hone
	@tools/setup.sh build
	@cmake --preset release -DHONE_TESTS=OFF >build/release.log 2>&1 || (cat build/release.log; exit 1)
	@cmake --build --preset release -j $(JOBS) --target hone_cli_bin

demo: build ## the main job on the built-in sample: demo-out/ with .onnx, .tflite, report.html, report.json
	@$(BIN) optimize examples/sample/model.onnx --data examples/sample/data --preprocess examples/sample/preprocess.json --max-drop 1 -o demo-out/
	@echo "serve it: $(BIN) serve demo-out/model.tflite, then open http://127.0.0.1:8000"

test-build: ## install what the tests need, build Release with tests
	@tools/setup.sh test
	@cmake --preset release -DHONE_TESTS=ON >build/release.log 2>&1 || (cat build/release.log; exit 1)
	@cmake --build --preset release -j $(JOBS)

test: test-build ## run every test in Release
	@ctest --preset release -j $(JOBS)

sanitize: ## the suite under AddressSanitizer and UndefinedBehaviorSanitizer, warnings as errors
	@tools/setup.sh test
	@cmake --preset dev >build/dev.log 2>&1 || (cat build/dev.log; exit 1)
	@cmake --build --preset dev -j $(JOBS)
	@ctest --preset dev -j $(JOBS)

tsan: ## the suite under ThreadSanitizer
	@tools/setup.sh test
	@cmake --preset tsan >build/tsan.log 2>&1 || (cat build/tsan.log; exit 1)
	@cmake --build --preset tsan -j $(JOBS)
	@ctest --preset tsan -j $(JOBS)

conformance: ## ONNX's own suite, a line per group
	@tools/setup.sh test
	@cmake --preset release -DHONE_TESTS=ON >build/release.log 2>&1 || (cat build/release.log; exit 1)
	@cmake --build --preset release -j $(JOBS) --target hone_conformance
	@build/release/bin/hone_conformance

bench: ## known networks in hone and in other runtimes, at every level of instructions (measures, asserts nothing)
	@tools/setup.sh test
	@cmake --preset release -DHONE_TESTS=ON >build/release.log 2>&1 || (cat build/release.log; exit 1)
	@cmake --build --preset release -j $(JOBS) --target hone_table_bench
	@bench/table.sh

bench-train: ## training steps of ResNet-8 and DS-CNN beside PyTorch's, where python3-torch is installed
	@tools/setup.sh test
	@cmake --preset release -DHONE_TESTS=ON >build/release.log 2>&1 || (cat build/release.log; exit 1)
	@cmake --build --preset release -j $(JOBS) --target hone_train_bench
	@bench/train.sh

bench-serve: build ## the server: requests a second by connections, and faults under load (measures; fails on a wrong answer)
	@bench/serve.sh build/release/bin/hone

fuzz-smoke: ## every reader of untrusted bytes under libFuzzer, 60 s each
	@tools/setup.sh fuzz
	@tools/fuzz_smoke.sh

oracle-test: ## compare with ONNX Runtime and the real TFLite runtime (npm packages)
	@tools/setup.sh oracle
	@tests/oracle/run.sh

minimal: ## the runtime library alone (TFLite, CPU), its size and that of an example linked with it
	@tools/setup.sh build
	@cmake --preset minimal >build/minimal.log 2>&1 || (cat build/minimal.log; exit 1)
	@cmake --build --preset minimal -j $(JOBS)
	@stat -c '%s bytes  %n' build/minimal/libhone_runtime.a build/minimal/bin/run_tflite

install: build ## the program, the libraries and their headers to PREFIX (/usr/local)
	@cmake --build --preset release -j $(JOBS) --target hone_cpp hone_c hone_manuals
	@cmake --install build/release --prefix $(PREFIX) >build/install.log || (cat build/install.log; exit 1)

deb: build ## hone and hone-dev as Debian packages: build/release/packages/
	@cmake --build --preset release -j $(JOBS)
	@cd build/release && cpack >cpack.log 2>&1 || (cat cpack.log; exit 1)
	@ls -1 build/release/packages/*.deb

format: ## rewrite every source with clang-format
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i

check-format: ## fail when a source is not formatted
	@git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run --Werror

tidy: ## clang-tidy on FILES, or on every source
	@tools/setup.sh test
	@cmake --preset fast -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >build/fast.log 2>&1 || (cat build/fast.log; exit 1)
	@cmake --build --preset fast --target hone_tflite_schema >>build/fast.log
	@printf '%s\n' $(or $(FILES),$(shell git ls-files 'src/*.cpp')) | xargs -P $(JOBS) -n 4 clang-tidy --quiet -p build/fast

clean: ## remove what was built
	@rm -rf build demo-out
