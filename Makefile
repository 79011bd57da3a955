# whit: `make demo` and `make test` are all that a newcomer needs; both set up what they use.

VENV := .venv
BIN := $(VENV)/bin
LAUNCHER := $(wildcard runtime/launcher/*.[ch] runtime/launcher/*.py) runtime/opcodes.py
ENGINE := $(wildcard runtime/wasm/embedder/Cargo.* runtime/wasm/embedder/src/*.rs) runtime/wasm/building.py
TYPING := .typing/whit/packer .typing/whit/runtime .typing/whit/toolchains
FUZZ_SECONDS ?= 60

# Most tests wait for programs most of the time. Tests of one file share what they have started, so they stay together.
WORKERS := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u PYTHONDONTWRITEBYTECODE \
	$(BIN)/python -m pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder

# The first interpreter that really starts and is new enough; a pyenv shim without its version is neither.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 /usr/bin/python3; do \
	"$$python" -c 'import sys; assert sys.version_info >= (3, 11); print(sys.executable)' 2>/dev/null && break; done)

export PATH := $(PATH):$(CURDIR)/$(BIN):/usr/local/go/bin:$(HOME)/.cargo/bin:/usr/sbin:/sbin

.PHONY: help install wasm demo check test slow guests bench corpus proof fuzz engines soak clean
.DELETE_ON_ERROR:

help: ## Show this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

install: $(BIN)/whit $(TYPING) ## Set up .venv, with a whit that works in .venv/bin

wasm: install $(BIN)/whit-wasm ## Build the WebAssembly engine with cargo; minutes, once

demo: install ## Pack and run a real program, and show what happened
	@examples/demo.sh

check: install ## Linters, types, the C compiler's warnings, layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .typing/whit tests --exclude /launcher/
	$(BIN)/mypy --ignore-missing-imports --scripts-are-modules runtime/launcher/build_backend.py
	$(BIN)/python -m pytest --quiet tests/unit/test_house.py

test: install ## Everything: checks, unit and integration tests, the cgroup v2 guest
	@# Cargo builds the WebAssembly engine meanwhile: the tests of it come last, and wait for it. Without cargo, the peers bring it.
	@command -v cargo >/dev/null || $(MAKE) build/peers.stamp || exit 1; \
	$(MAKE) wasm >build/wasm.log 2>&1 & engine=$$!; \
	$(MAKE) --jobs=2 check build/peers.stamp || { kill $$engine; exit 1; }; \
	$(WORKERS) tests/unit tests/integration --ignore=tests/unit/test_house.py; status=$$?; \
	wait $$engine || { status=1; cat build/wasm.log; }; exit $$status

slow: install build/peers.stamp ## The tests that take longest, and so aren't part of `make test`: minutes
	@# Some of them build their peer first.
	$(BIN)/python -m pytest -m slow -o faulthandler_timeout=3600

guests: install build/peers.stamp ## whit-oci on cgroup v2, with a real systemd (v2, hybrid, v1), filters for arm64, each in a QEMU machine: minutes
	$(BIN)/python -m pytest tests/guests

bench: install build/peers.stamp ## Start, pack, memory: whit beside its peers and the physical floor
	$(BIN)/python -m tests.bench

corpus: install build/peers.stamp ## Many real programs and libraries, CORPUS="NAME ..." or all: takes long
	$(BIN)/python -m tests.corpus $(CORPUS)

proof: install build/peers.stamp ## Filters of programs' own calls, proven on many real programs at work, PROOF="NAME ..." or all: takes long
	$(BIN)/python -m tests.proof $(PROOF)

fuzz: install ## Feed random bytes to all that reads bytes, FUZZ_SECONDS each
	for target in tests/fuzz/fuzz_*.py; do $(BIN)/python "$$target" $(FUZZ_SECONDS) || exit 1; done

engines: install build/peers.stamp ## docker, podman and ctr on whit-oci beside runc: all commands
	WHIT_ENGINES=all $(BIN)/python -m pytest tests/integration/test_oci_docker.py tests/integration/test_oci_docker_errors.py tests/integration/test_oci_podman.py tests/integration/test_oci_ctr.py

soak: install build/peers.stamp ## Thousands of containers, hundreds at once, runtimes killed at random; SOAK="--kills 50": takes long
	$(BIN)/python -m tests.soak $(SOAK)

clean: ## Remove all that make has made
	rm -rf build dist .typing $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

build/base.stamp: tests/setup.sh
	tests/setup.sh base "$(PYTHON)"
	mkdir -p $(@D) && touch $@

$(VENV)/stamp: pyproject.toml build/base.stamp
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# Renamed into place: a launcher that runs is never written to.
$(BIN)/whit: $(LAUNCHER) | $(VENV)/stamp
	$(BIN)/python runtime/launcher/compile_native.py
	site=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && ln -sfn "$(CURDIR)/.typing" "$$site/whit-source"
	for name in whit-oci whit; do \
		cp build/native/$$name $(BIN)/.$$name.new && mv -f $(BIN)/.$$name.new $(BIN)/$$name || exit 1; done

# Without cargo there is none, and the tests of it say so.
$(BIN)/whit-wasm: $(ENGINE) | $(BIN)/whit $(TYPING)
	if command -v cargo >/dev/null; then $(BIN)/python -m whit.runtime.wasm.building $(BIN); else echo "no cargo: no WebAssembly engine"; fi

.typing/whit/%:
	mkdir -p $(@D)
	ln -sfn ../../$* $@

build/peers.stamp: tests/setup.sh | $(VENV)/stamp
	tests/setup.sh peers "$(CURDIR)/$(BIN)/python"
	mkdir -p $(@D) && touch $@
