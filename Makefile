# One word per job. CMake does the building (CMakePresets.json); this file says which packages, which preset, which
# tests, so that a fresh Debian 12 needs nothing but git and make.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# The recipes share build trees and the package manager; ninja runs in parallel by itself.
.NOTPARALLEL:

DESTDIR ?=
PREFIX ?= /usr/local
NIGHTWATT := build/release/nightwatt
VERSION = $(shell sed -nE 's/^[[:space:]]*(project.nightwatt[[:space:]]+)?VERSION[[:space:]]+([0-9]+(\.[0-9]+)+).*/\2/p' CMakeLists.txt | head -n 1)
DIST = nightwatt-$(VERSION)-linux-$(shell uname -m)
SOURCES = git ls-files -co --exclude-standard -- 'src/*.cpp' 'src/*.h' 'tests/*.cpp' 'tests/*.h' 'bench/*.cpp' 'bench/*.h'
SCRIPTS = tools/setup tools/lab tools/demo tools/lib.sh tests/lab/run.sh tests/dist/run.sh tests/fuzz/run.sh .ci/run

.PHONY: help demo build test soak bench lint format install dist clean lab

help: ## this list
	@echo "make TARGET, where TARGET is one of:"
	@sed -nE 's/^([a-z]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

demo: ## installs what is missing, builds, and runs the main job on real engines into runs/demo
	@tools/demo

build: ## the program, at build/release/nightwatt
	@tools/setup build
	cmake --preset release
	cmake --build --preset release --target nightwatt

.PHONY: everything
everything: ## the program with its tests and benchmarks
	@tools/setup build
	cmake --preset release
	cmake --build --preset release

lab: ## real engines (llama-server and others) in build/lab, unless a llama-server is on PATH
	@if [ -n "$$(tools/lab --bin-or-path)" ]; then tools/setup lab; fi
	@tools/lab --if-needed

test: lab everything ## builds and runs the tests; the long ones are in soak
	tools/lab --exec ctest --preset release -LE soak -j "$$(nproc)" --output-on-failure --no-tests=error

# ctest comes last, so that its summary is what one sees.
soak: lab everything ## the long tests, the suite under ASan and UBSan, the program by clang, the fuzzers, the tarball in bare Debian roots
	@tools/setup lab soak
	cmake --preset clang
	cmake --build --preset clang --target nightwatt
	@$(MAKE) --no-print-directory dist
	tests/dist/run.sh build/$(DIST).tar.gz
	cmake --preset fuzz
	cmake --build --preset fuzz
	tests/fuzz/run.sh 10
	cmake --preset asan
	cmake --build --preset asan
	tools/lab --exec ctest --preset release -L soak --output-on-failure --no-tests=ignore
	tools/lab --exec ctest --preset asan -LE soak -j "$$(nproc)" --output-on-failure --no-tests=error

bench: lab everything ## the benchmarks of bench/
	@for bench in $$(find build/release/bench -maxdepth 1 -type f -executable | sort); do \
	  echo "== $$bench"; tools/lab --exec "$$bench"; done
	@for bench in bench/*.sh; do echo "== $$bench"; "$$bench"; done

lint: ## clang-format, clang-tidy and shellcheck; changes nothing
	@tools/setup build soak
	$(SOURCES) | xargs clang-format-19 --dry-run -Werror
	shellcheck -x $(SCRIPTS)
	cmake --preset clang
	git ls-files -co --exclude-standard -- 'src/*.cpp' | xargs -P "$$(nproc)" -n 4 clang-tidy-19 --quiet -p build/clang

format: ## rewrites the sources with clang-format
	@tools/setup soak
	$(SOURCES) | xargs clang-format-19 -i

install: ## the program, its man page and documents below $(DESTDIR)$(PREFIX)
	@test -x $(NIGHTWATT) || { echo "make install: there is no $(NIGHTWATT) yet; run make build first" >&2; exit 3; }
	install -D -m 755 $(NIGHTWATT) "$(DESTDIR)$(PREFIX)/bin/nightwatt"
	install -D -m 644 man/nightwatt.1 "$(DESTDIR)$(PREFIX)/share/man/man1/nightwatt.1"
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/doc/nightwatt" README.md LICENSE CHANGELOG.md
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/doc/nightwatt/docs" docs/*.md

# The same input gives the same bytes: fixed order, owner and time.
dist: build ## build/nightwatt-VERSION-linux-ARCH.tar.gz, whose program needs only glibc
	rm -rf build/dist
	install -D -m 755 $(NIGHTWATT) build/dist/$(DIST)/nightwatt
	strip build/dist/$(DIST)/nightwatt
	install -m 644 man/nightwatt.1 README.md LICENSE CHANGELOG.md build/dist/$(DIST)
	install -D -m 644 -t build/dist/$(DIST)/docs docs/*.md
	tar -C build/dist --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)}" \
	  -c $(DIST) | gzip -n -9 >build/$(DIST).tar.gz
	@echo "build/$(DIST).tar.gz"

clean: ## removes what was built; keeps runs/, models/ and the lab (tools/lab --clean)
	rm -rf build/release build/asan build/clang build/fuzz build/dist build/nightwatt-*.tar.gz
