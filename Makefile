# The front door. Each target is one script in tools/; CMakePresets.json has the builds.
.DEFAULT_GOAL := help
.PHONY: help setup run test bench profile lint format fuzz clean
MAKEFLAGS += --no-print-directory

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install the Debian packages that are missing (root or sudo)
	@tools/setup.sh

run: ## build, write a demo configuration, start the proxy in the foreground
	@tools/setup.sh build
	@tools/demo.sh

# No plain `dev` run: asan has its flags and more. tools/test.sh says what is built how often.
test: ## everything that must pass; the last line is pytest's summary
	@tools/setup.sh build test lint
	@tools/test.sh

bench: ## cost per request beside nginx, haproxy and h2o; recorded in bench/results
	@tools/setup.sh build bench
	@tools/bench.sh

profile: ## record which way requests go, for release builds; after changes of the data path
	@tools/setup.sh build bench
	@tools/profile.py

lint: ## format, include levels, headers alone, shellcheck, clang-tidy on changed files (ALL=1: all files)
	@tools/setup.sh build test lint
	@tools/lint.sh $(if $(ALL),all,changed)

format: ## clang-format every source file in place
	@tools/setup.sh lint
	@git ls-files --cached --others --exclude-standard -- '*.cc' '*.h' | xargs clang-format-19 -i

fuzz: ## run each fuzz target for FUZZ_SECONDS (60) under clang 19
	@tools/setup.sh build fuzz
	@tools/fuzz.sh

clean: ## remove what builds and demo runs left behind
	@rm -rf build/dev build/release build/asan build/tsan build/fuzz build/profile build/*.log demo/run
