# `make demo` opens the dashboard on a generated call (without a terminal it prints the summary), `make test` passes the tests. Both set up what they need first.

CARGO ?= cargo

.PHONY: demo test setup bench fuzz clean

demo: setup
	$(CARGO) run --release --locked --quiet -- demo

test: setup
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --quiet -- -D warnings
	$(CARGO) check --locked --lib --no-default-features --quiet
	$(CARGO) test --locked --quiet

# Says what it installs before it does.
setup:
	@sh ./setup.sh

bench: setup
	$(CARGO) bench --locked --bench core --bench dashboard

# Every fuzz target for a while: make fuzz SECONDS=60 (needs cargo-fuzz).
SECONDS ?= 60
fuzz:
	@for target in $$($(CARGO) fuzz list); do \
	  RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run $$target -- -max_total_time=$(SECONDS) || exit 1; done

clean:
	$(CARGO) clean
