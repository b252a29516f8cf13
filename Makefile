# make demo   installs what is missing, builds, runs generate → train → evaluate at level 3, prints the table
# make test   format check, clippy, tests, documentation, Python package: what continuous integration runs
# make bench  the same work beside scikit-fem, SciPy and PETSc (benches/peers/README.md)
# make fuzz   readers of foreign files against random input, a minute each (FUZZ_SECONDS=600 for ten)

.PHONY: demo test bench setup python paper fuzz

FEMPIPE = target/release/fempipe
VENV = target/venv
export FEMPIPE_PYTHON ?= $(CURDIR)/$(VENV)/bin/python

# System packages and the Python that the cross-checks use.
setup:
	@sh .ci/setup

python: setup
	@sh .ci/python $(VENV)

demo: setup
	cargo build --release
	@sh .ci/demo $(FEMPIPE)

# From an empty target nothing is built twice: what incremental builds keep for the next time is not worth its time here,
# and the Python package is among what is checked and tested, so that its wheel is made of the same compiled crates.
test: export CARGO_INCREMENTAL = 0
test: python
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	$(VENV)/bin/python results/tables.py --check
	@sh .ci/wheel target/python $(FEMPIPE_PYTHON)

bench: python
	cargo build --release
	@sh benches/peers/run

FUZZ_TARGETS = checkpoint dataset msh mtx notation npz recipe
FUZZ_SECONDS ?= 60

# No sanitizer: what is read is read by safe Rust, and the build takes half the time. An input that is found stays in
# fuzz/artifacts.
fuzz: export RUSTC_BOOTSTRAP = 1
fuzz: setup
	@command -v cargo-fuzz > /dev/null || cargo install --locked cargo-fuzz
	cargo fuzz build -s none
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/corpus/$$target; \
		cargo fuzz run -s none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) \
			-max_len=4096 -rss_limit_mb=1024 -timeout=10 || exit 1; \
	done

# Datasets, networks and evaluations behind the results, as far as they are not there (TOPICS="neurkitt cubes" for some of
# them), and their numbers in results/DATE.json and in the documents' tables. About five hours on 2 cores; can be interrupted.
paper: python
	cargo build --release
	$(VENV)/bin/python training/paper.py $(FEMPIPE) $(TOPICS)
	$(VENV)/bin/python results/tables.py
