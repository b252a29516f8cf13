# make demo   installs what is missing, builds, runs generate → train → evaluate at level 3, prints the table
# make test   format check, clippy, tests, documentation: what continuous integration runs
# make bench  the same work beside scikit-fem, SciPy and PETSc (benches/peers/README.md)

.PHONY: demo test bench setup python paper

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

# From an empty target nothing is built twice: what incremental builds keep for the next time is not worth its time here.
test: export CARGO_INCREMENTAL = 0
test: python
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo test
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

bench: python
	cargo build --release
	@sh benches/peers/run

# Table 1, 3, 4 and Figure 3 of Ruelmann, Geveler and Turek (about an hour and a half on 2 cores).
paper: setup
	cargo build --release
	@sh training/paper $(FEMPIPE)
