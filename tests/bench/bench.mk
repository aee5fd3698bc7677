# Benchmarks: included by the Makefile, which has the programs, flags and rules that they are built with.

benches := $(wildcard tests/bench/*.c)
bench-programs := $(benches:tests/bench/%.c=$(BUILD)/bench/%)
sources += $(benches)

# ---- targets for people ----

.PHONY: bench bench-pair bench-curves bench-prefetch bench-profile performance performance-page

bench: ## measure it, beside what Redis itself can do; BENCH_JOBS=1000000 in a run
	@tools/install-deps bench
	@$(MAKE) run-bench

bench-pair: ## measure it beside an earlier revision, in turns: BASE=v0.1.0 BENCH_ROUNDS=7
	@tools/install-deps bench
	+@MAKE='$(MAKE)' tests/bench/base '$(or $(BASE),HEAD)' '$(BUILD)/base'
	@$(MAKE) benches
	+@DARG_BUILD_DIR='$(abspath $(BUILD))' tests/bench/pair '$(abspath $(BUILD))/base/build'

bench-curves: ## throughput against threads, batches, sizes, distance ...; BENCH_FULL=1: all of it
	@tools/install-deps bench
	@$(MAKE) run-curves

bench-prefetch: ## adaptive prefetch beside fixed ones, with long and short jobs
	@tools/install-deps bench
	@$(MAKE) run-prefetch

bench-profile: ## where the time of worker and Redis goes, by perf and valgrind
	@tools/install-deps profile
	@$(MAKE) run-profile

performance: ## measures everything for docs/performance.md and makes it; BENCH_FULL=1: all of it
	@tools/install-deps bench
	@$(MAKE) run-bench
	@$(MAKE) run-curves
	@$(MAKE) run-prefetch
	@tools/install-deps profile || echo 'without a profile, then' >&2
	@$(MAKE) run-profile
	@$(MAKE) performance-page

performance-page: ## docs/performance.md and its plots again, out of what was measured
	@DARG_BUILD_DIR='$(abspath $(BUILD))' tests/bench/publish

# ---- targets for targets ----

.PHONY: benches run-bench run-curves run-prefetch run-profile

benches: programs $(bench-programs)

run-bench: benches
	+@DARG_BUILD_DIR='$(abspath $(BUILD))' tests/bench/run

run-curves: benches
	+@DARG_BUILD_DIR='$(abspath $(BUILD))' tests/bench/curves

run-prefetch: benches
	+@DARG_BUILD_DIR='$(abspath $(BUILD))' tests/bench/prefetch

run-profile: benches
	+@DARG_BUILD_DIR='$(abspath $(BUILD))' tests/bench/profile

$(bench-programs): $(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(all-libraries)
	$(call link-program,$(worker-libs) $(producer-libs))
