# A thin front over meson: see README.md for what each target does.
.PHONY: all build deps demo check check-long bench install format lint clean
BUILD ?= build

all: build

deps:
	@tools/install-deps

build: deps
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; rm -rf $(BUILD); exit 1; }
	@rm -f $(BUILD).log
	@ninja -C $(BUILD)

demo: build
	@guests/demo/run

check: build
	@tools/install-deps packages-check
	@tests/run-check

check-long: build
	@tools/install-deps packages-check
	@tests/run-check --long

bench: build
	@tools/install-deps packages-bench
	@tests/bench/run

install: build
	@meson install -C $(BUILD)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint:
	@tools/check-includes
	@tools/check-format

clean:
	@rm -rf $(BUILD) build-asan
