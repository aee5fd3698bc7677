# darg. `make help` says what can be made.
#
# CC=clang, SANITIZER=address,undefined|thread, WERROR=1, V=1, JOBS=n, CFLAGS and LDFLAGS may be
# given; compilers and sanitizers have a build directory each. Sources are found by folder.

VERSION := 0.1.0

PREFIX ?= /usr/local
DESTDIR ?=
SANITIZER ?=
WERROR ?=
V ?=

empty :=
comma := ,
dir-suffix := $(if $(filter address%,$(SANITIZER)),-asan,$(if $(filter thread,$(SANITIZER)),-tsan,$(if \
    $(SANITIZER),-$(subst $(comma),-,$(SANITIZER)))))$(if $(filter-out cc gcc,$(CC)),-$(notdir $(CC)))
BUILD ?= build$(dir-suffix)

OBJCOPY ?= objcopy
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:

# ---- what is compiled how ----

# Nothing here may fail before tools/install-deps has run: no compiler or library is there yet.
pkg = $(shell pkg-config $(1) 2>/dev/null)

has-tls := $(shell pkg-config --exists hiredis_ssl 2>/dev/null && echo yes)
packages := $(if $(has-tls),hiredis_ssl libssl libcrypto) hiredis libcjson inih
has-systemd := $(shell pkg-config --exists libsystemd 2>/dev/null && echo yes)
worker-packages := $(if $(has-systemd),libsystemd)
producer-packages := smartcols
has-curl := $(shell pkg-config --exists 'libcurl >= 7.85' 2>/dev/null && echo yes)
unused := $(if $(has-tls),common/redis/tls_none.c,common/redis/tls_hiredis.c) \
    $(if $(has-systemd),worker/process/notify_none.c,worker/process/notify_systemd.c)

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
    -Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wcast-qual -Wundef -Wformat=2 \
    -Wvla -Wpointer-arith -Wswitch-enum -Wnull-dereference -Wimplicit-fallthrough \
    $(if $(WERROR),-Werror)

ifeq ($(SANITIZER),)
CFLAGS ?= -O2 -g
hardening-cppflags := $(if $(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
hardening-cflags := -fstack-protector-strong
hardening-ldflags := -pie -Wl,-z,relro,-z,now
else
CFLAGS ?= -O1 -g
hardening-cppflags :=
hardening-cflags := -fsanitize=$(SANITIZER) -fno-sanitize-recover=all -fno-omit-frame-pointer
hardening-ldflags := -fsanitize=$(SANITIZER)
endif

all-cppflags = -Icommon -I. -I$(BUILD)/gen -D_GNU_SOURCE -DDARG_VERSION=\"$(VERSION)\" $(hardening-cppflags) \
    $(patsubst -I%,-isystem%,$(call pkg,--cflags $(packages) $(worker-packages) $(producer-packages))) $(CPPFLAGS)
# -fPIC and not -fPIE: the same objects are in libdarg.so; hidden symbols make it cost nothing.
all-cflags = -std=c11 $(warnings) -fno-common -fPIC -fvisibility=hidden -pthread $(hardening-cflags) \
    $(CFLAGS)
all-ldflags = -pthread $(hardening-ldflags) $(LDFLAGS)
all-libs = $(call pkg,--libs $(packages)) $(LDLIBS)
test-cppflags := -Itests
worker-libs = $(if $(worker-packages),$(call pkg,--libs $(worker-packages))) -ldl
producer-libs = $(call pkg,--libs $(producer-packages))
test-libs = $(call pkg,--libs cmocka) $(worker-libs) $(producer-libs)

# ---- the sources ----

lua := $(wildcard common/queue/lua/*.lua)
common := $(filter-out $(unused),$(wildcard common/*/*.c))
worker := $(filter-out worker/main.c $(unused),$(wildcard worker/*.c worker/*/*.c))
producer := $(filter-out producer/main.c,$(wildcard producer/*.c producer/*/*.c))
support := $(wildcard tests/support/*.c tests/fuzz/fuzz_*.c)
tests := $(wildcard tests/unit/test_*.c tests/integration/test_*.c tests/fault/test_*.c)
library := $(wildcard library/*.c)
plugins := $(wildcard tests/plugins/*.c tests/preload/*.c) examples/c/plugin.c
handlers := $(if $(has-curl),$(wildcard handlers/http/*.c))
torture := $(filter-out %/handle.c,$(wildcard tests/torture/*.c))
mains := $(wildcard worker/main.c producer/main.c) tests/runner.c
sources := $(common) $(worker) $(producer) $(library) $(handlers) $(support) $(tests) $(torture) $(mains) \
    tests/torture/handle.c tests/fault/checker.c

# What C needs to know of the scripts is there before anything is compiled; then the compiler tells who needs it.
lua-header := $(BUILD)/gen/lua_scripts.h

object = $(patsubst %.c,$(BUILD)/%.o,$(1))
lib = $(BUILD)/libdarg_$(1).a

programs := $(if $(wildcard worker/main.c),$(BUILD)/darg-worker) \
    $(if $(wildcard producer/main.c),$(BUILD)/darg) $(if $(handlers),$(BUILD)/darg-http)
all-libraries := $(BUILD)/libtest_support.a $(foreach l,worker producer common,$(call lib,$(l)))
# What make install puts beside the programs; darg.pc is written for the place where it stands.
soname := libdarg.so.1
libraries := $(BUILD)/libdarg.a $(BUILD)/$(soname) $(BUILD)/libdarg.so $(BUILD)/darg.pc
c-examples := $(BUILD)/examples/c/push $(BUILD)/examples/c/worker
plugin-objects := $(plugins:%.c=$(BUILD)/%.so)
test-programs := $(tests:%.c=$(BUILD)/%)
torture-programs := $(BUILD)/torture $(BUILD)/torture-handle $(BUILD)/checker
runner := $(BUILD)/tests/runner
# The programs once more, with the points at which tests make them die (base/killpoint.h).
kill-points := common/base/killpoint.c common/redis/script.c common/redis/wire.c common/queue/claim.c worker/flow/runner_call.c \
    common/queue/pusher.c
kill-objects := $(kill-points:%.c=$(BUILD)/kill/%.o)
kill-programs := $(BUILD)/kill/darg-worker $(BUILD)/kill/darg

# ---- targets for people ----

.PHONY: all secret examples test test-servers test-cgroup test-cluster deb test-deb check release-check torture model fuzz demo options-page format clean install uninstall help
.PHONY: programs tests run-tests run-demo run-examples run-torture tidy FORCE

all: programs $(libraries) ## the programs and libdarg, in build/ (the default)

test: ## all tests; FILTER=part-of-a-name REPEAT=n SERVER=redis-server TEST_PREFIX=command TEST_TIMEOUT_MULT=n
	@tools/install-deps test
	@$(MAKE) run-tests

test-servers: ## make test on the Redis and on the Valkey of Debian 13
	@tools/install-deps test
	@$(MAKE) tests
	+@MAKE='$(MAKE)' tests/servers/run '$(BUILD)'

check: ## style, layers, warnings of gcc and clang, the header in C++, clang-tidy, shell, docs
	@tools/install-deps check
	+@MAKE='$(MAKE)' tools/check

release-check: ## version, changelog, soname and protocol number agree; RELEASE=1: and it has its day
	@tools/release-check $(if $(RELEASE),--release)

torture: ## workers, producers and Redis under random faults; MINUTES=5 SEED=n WITHOUT=word
	@tools/install-deps test
	+@$(MAKE) run-torture

model: ## the protocol in Promela, checked by spin: what must hold, what must fail
	@tools/install-deps model
	@tools/model

fuzz: ## any bytes into what reads bytes; SECONDS=60 for each harness
	@tools/install-deps fuzz
	+@MAKE='$(MAKE)' FUZZ_SECONDS='$(or $(SECONDS),60)' tools/fuzz

demo: ## see it work
	@tools/install-deps build
	@$(MAKE) run-demo

examples: ## the handlers in examples/ at work; what they did is looked at
	@tools/install-deps build
	@tools/install-deps examples || echo 'without them, then' >&2
	@$(MAKE) run-examples

test-cgroup: ## the tests of control groups, in a Linux that has them: user mode Linux, a process
	@tools/install-deps cgroup || echo 'without it, then' >&2
	@$(MAKE) tests
	@tests/cgroup/run '$(BUILD)'

test-cluster: ## docker-compose.yml under kills, pauses, cuts and rolling; needs a Docker Engine
	@! docker info >/dev/null 2>&1 || tools/install-deps bare || echo 'without it, then' >&2
	+@tests/cluster/run

deb: ## a Debian package, in build/deb
	@tools/install-deps deb
	@tools/deb '$(VERSION)' '$(BUILD)/deb'

test-deb: deb ## installs, runs and removes it in a bare system; needs root
	@tools/install-deps bare || echo 'without it, then' >&2
	@tests/deb/run '$(BUILD)'/deb/darg_*.deb

options-page: $(BUILD)/darg $(BUILD)/darg-worker ## docs/options.md again, out of what --help of the programs says
	@tools/options-page '$(BUILD)'

format: ## clang-format 14 rewrites the sources
	@tools/check-format --rewrite

# Compose mounts the file as it is, so the worker's user must be able to read it; the folder keeps others out.
secret: secrets/redis-password ## a password for docker-compose.yml's Redis, in secrets/
secrets/redis-password:
	@mkdir -p -m 700 secrets
	@umask 022 && head -c 24 /dev/urandom | base64 | tr '+/' '-_' >$@
	@echo 'made $@'

clean: ## remove everything that was made
	rm -rf build build-*

manuals := $(programs:%=%.1)
completions := $(programs:%=%.bash) $(programs:%=%.zsh)
# Debian's packages use vendor-completions.
ZSH_FOLDER ?= site-functions
bin-dir = $(DESTDIR)$(PREFIX)/bin
man-dir = $(DESTDIR)$(PREFIX)/share/man/man1
bash-dir = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zsh-dir = $(DESTDIR)$(PREFIX)/share/zsh/$(ZSH_FOLDER)
unit-dir = $(DESTDIR)$(PREFIX)/lib/systemd/system
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
lib-dir = $(DESTDIR)$(LIBDIR)
include-dir = $(DESTDIR)$(INCLUDEDIR)
unit := packaging/systemd/darg-worker@.service

# make-pc FILE INCLUDEDIR LIBDIR
make-pc = sed -e 's|@INCLUDEDIR@|$(2)|' -e 's|@LIBDIR@|$(3)|' -e 's|@VERSION@|$(VERSION)|' \
    -e 's|@PRIVATE@|$(strip $(all-libs) $(worker-libs)) -pthread|' packaging/darg.pc.in >'$(1)'

install: programs $(libraries) $(manuals) $(completions) ## programs, libdarg, manual pages, completion, systemd unit; PREFIX (/usr/local), DESTDIR
	install -d '$(include-dir)' '$(lib-dir)/pkgconfig'
	install -m 644 include/darg.h '$(include-dir)'
	install -m 644 '$(BUILD)/libdarg.a' '$(BUILD)/$(soname)' '$(lib-dir)'
	ln -sf $(soname) '$(lib-dir)/libdarg.so'
	$(call make-pc,$(lib-dir)/pkgconfig/darg.pc,$(INCLUDEDIR),$(LIBDIR))
	chmod 644 '$(lib-dir)/pkgconfig/darg.pc'
	install -d '$(bin-dir)' '$(man-dir)' '$(bash-dir)' '$(zsh-dir)' '$(unit-dir)'
	install -m 755 $(programs) '$(bin-dir)'
	install -m 644 $(manuals) '$(man-dir)'
	$(foreach p,$(notdir $(programs)),install -m 644 '$(BUILD)/$(p).bash' '$(bash-dir)/$(p)' && \
	    install -m 644 '$(BUILD)/$(p).zsh' '$(zsh-dir)/_$(p)' &&) true
	sed 's|/usr/bin/|$(PREFIX)/bin/|' $(unit) >'$(unit-dir)/$(notdir $(unit))'
	chmod 644 '$(unit-dir)/$(notdir $(unit))'

uninstall: ## removes what install has put there
	rm -f $(foreach p,$(notdir $(programs)),'$(bin-dir)/$(p)' '$(man-dir)/$(p).1')
	rm -f $(foreach p,$(notdir $(programs)),'$(bash-dir)/$(p)' '$(zsh-dir)/_$(p)')
	rm -f '$(unit-dir)/$(notdir $(unit))'
	rm -f '$(include-dir)/darg.h' '$(lib-dir)/pkgconfig/darg.pc'
	rm -f '$(lib-dir)/libdarg.a' '$(lib-dir)/libdarg.so' '$(lib-dir)/$(soname)'

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile $(wildcard tests/bench/bench.mk)

# ---- targets for targets ----

# Benchmarks; a tree without tests, from which programs are installed, has none.
-include tests/bench/bench.mk

programs: $(programs)
tests: programs $(libraries) $(kill-programs) $(test-programs) $(torture-programs) $(runner) $(all-libraries) \
    $(plugin-objects) $(c-examples)

export TEST_PREFIX FILTER REPEAT SERVER
export TEST_TIMEOUT_MULT ?= $(if $(SANITIZER),3,1)
run-tests: tests
	+@DARG_BUILD_DIR='$(abspath $(BUILD))' tools/run-tests '$(BUILD)' $(test-programs)

run-demo: programs
	+@DARG_BUILD_DIR='$(abspath $(BUILD))' tools/demo

run-examples: programs
	+@CC='$(CC)' DARG_BUILD_DIR='$(abspath $(BUILD))' tools/examples

# Ctrl-C is torture's own: it heals, waits and reports.
run-torture: programs $(torture-programs)
	+@DARG_BUILD_DIR='$(abspath $(BUILD))' '$(BUILD)/torture' \
	    --seconds $$((60 * $(or $(MINUTES),5))) $(if $(SEED),--seed '$(SEED)') $(if $(WITHOUT),--without '$(WITHOUT)')

# An object newer than its stamp means that its source or a header has changed.
tidy: $(sources:%.c=$(BUILD)/%.tidy)
$(BUILD)/%.tidy: %.c $(BUILD)/%.o .clang-tidy
	$(call say,TIDY,$<)
	$(Q)tools/tidy $< -- -std=c11 $(all-cppflags) $(if $(filter tests/%,$<),$(test-cppflags))
	@touch $@

# ---- rules ----

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)')

compile = $(CC) $(all-cppflags) $(all-cflags)
link = $(CC) $(all-cflags) $(all-ldflags)

$(BUILD)/%.o: %.c $(BUILD)/flags | $(lua-header)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) $(if $(filter tests/%,$<),$(test-cppflags)) -MMD -MP -c -o $@ $<

$(BUILD)/kill/%.o: %.c $(BUILD)/flags | $(lua-header)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(compile) -DDARG_KILL_POINTS -MMD -MP -c -o $@ $<

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c $(BUILD)/flags | $(lua-header)
	$(call say,CC,$<)
	$(Q)$(compile) -MMD -MP -c -o $@ $<

$(BUILD)/gen/lua_scripts.c $(lua-header): tools/embed-lua tools/embed-lua.awk $(lua)
	$(call say,LUA,$@)
	$(Q)tools/embed-lua $@ $(lua)

%.a: $(BUILD)/sources
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(call lib,common): $(call object,$(common)) $(if $(lua),$(BUILD)/gen/lua_scripts.o)
$(call lib,worker): $(call object,$(worker))
$(call lib,producer): $(call object,$(producer))
$(BUILD)/libtest_support.a: $(call object,$(support))

define link-program
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(1) $(all-libs)
endef

# What a plugin may call of the program that loads it: it is linked with nothing.
export-jobs := -Wl,--dynamic-list=packaging/plugin.list
$(BUILD)/darg-worker $(BUILD)/kill/darg-worker: | packaging/plugin.list
$(BUILD)/darg-worker: $(BUILD)/worker/main.o $(call lib,worker) $(call lib,common)
	$(call link-program,$(worker-libs) $(export-jobs))
$(BUILD)/darg: $(BUILD)/producer/main.o $(call lib,producer) $(call lib,common)
	$(call link-program,$(producer-libs))
$(BUILD)/darg-http: $(call object,$(handlers)) $(call lib,common)
	$(call link-program,$(call pkg,--libs libcurl) -Wl$(comma)--as-needed)
# These objects come first, so the libraries' own of the same names are left out.
$(BUILD)/kill/darg-worker: $(BUILD)/worker/main.o $(filter-out $(BUILD)/kill/producer/%,$(kill-objects)) $(call lib,worker) $(call lib,common)
	$(call link-program,$(worker-libs) $(export-jobs))
$(BUILD)/kill/darg: $(BUILD)/producer/main.o $(filter-out $(BUILD)/kill/worker/%,$(kill-objects)) $(call lib,producer) $(call lib,common)
	$(call link-program,$(producer-libs))
# One object, in which only darg_... can be seen: a program's own names cannot meet ours.
$(BUILD)/libdarg.o: $(call object,$(library) $(common) $(worker)) $(BUILD)/gen/lua_scripts.o $(BUILD)/sources
	$(call say,LD,$@)
	$(Q)$(LD) -r -o $@.new $(filter %.o,$^)
	$(Q)$(OBJCOPY) --wildcard --keep-global-symbol='darg_*' $@.new $@
	@rm $@.new
# nodelete: a thread that looks up a name may outlive its client (redis/resolve.h).
$(BUILD)/$(soname): $(BUILD)/libdarg.o
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(soname) -Wl,-z,nodelete $(all-cflags) $(filter-out -pie,$(all-ldflags)) -o $@ $^ \
	    $(all-libs) $(worker-libs)
$(BUILD)/libdarg.so: $(BUILD)/$(soname)
	@ln -sf $(soname) $@
$(BUILD)/darg.pc: packaging/darg.pc.in $(BUILD)/flags
	@$(call make-pc,$@,$(CURDIR)/include,$(abspath $(BUILD)))
$(BUILD)/libdarg.a: $(BUILD)/libdarg.o

# As their authors would build them: with the header alone, and with the library.
example-cflags = -std=c11 $(warnings) $(filter -fsanitize%,$(hardening-cflags)) $(CFLAGS) -Iinclude
$(plugin-objects): $(BUILD)/%.so: %.c include/darg.h $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(example-cflags) -shared -fPIC -o $@ $<
$(c-examples): $(BUILD)/%: %.c include/darg.h $(BUILD)/libdarg.a $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(example-cflags) -o $@ $< $(BUILD)/libdarg.a $(all-libs) $(worker-libs) -pthread

$(manuals): %.1: % tools/man
	$(call say,MAN,$@)
	$(Q)tools/man $< >$@
$(programs:%=%.bash): %.bash: % tools/completion
	$(call say,BASH,$@)
	$(Q)tools/completion bash $< >$@
$(programs:%=%.zsh): %.zsh: % tools/completion
	$(call say,ZSH,$@)
	$(Q)tools/completion zsh $< >$@
$(runner): $(BUILD)/tests/runner.o
	$(call link-program)

$(BUILD)/torture-handle: $(BUILD)/tests/torture/handle.o
	$(call link-program)
$(BUILD)/checker: $(BUILD)/tests/fault/checker.o $(all-libraries)
	$(call link-program,$(test-libs))
$(BUILD)/torture: $(call object,$(torture)) $(all-libraries)
	$(call link-program,$(test-libs))

$(test-programs): %: %.o $(all-libraries)
	$(call link-program,$(test-libs))
# Against the library as it is installed: of its names, only darg_... may meet those of the tests.
$(filter %/test_libdarg %/test_libdarg_faults %/test_libdarg_wire,$(test-programs)): $(BUILD)/libdarg.a

# Files that change when the flags (with the libraries there are) or the list of sources change, and only then.
$(BUILD)/flags $(BUILD)/sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(if $(filter %/flags,$@),$(compile) $(all-libs) $(worker-libs) $(producer-libs),$(sort $(sources)))' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/flags: | libraries-present
.PHONY: libraries-present
libraries-present:
	@pkg-config --exists $(packages) $(producer-packages) || { echo 'Missing: a library. Run tools/install-deps build' >&2; exit 1; }

.SECONDARY:
-include $(patsubst %.c,$(BUILD)/%.d,$(sources)) $(kill-objects:%.o=%.d) $(BUILD)/gen/lua_scripts.d
