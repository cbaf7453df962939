# What people and CI run. `make` alone lists the targets.
#
# Nothing is put into the checkout: what is fetched and what is built lies in $(RFE_CACHE), which all checkouts share.
# Each step of the bootstrap is a file that it makes, so it runs once; it says on stderr what it does.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules

RFE_CACHE ?= $(HOME)/.cache/rfe
override RFE_CACHE := $(abspath $(RFE_CACHE))

comma := ,
space := $(subst ,, )
BUF_VERSION := 1.75.0
CARGO_DENY_VERSION := 0.20.2
COMPOSE_GO_VERSION := 2.13.0
DUCKDB_VERSION := 1.5.6
GRPCURL_VERSION := 1.9.4
# The newest, and the one that does not fail in what people do (clients/jdbc/README.md).
JDBC_DRIVER_VERSIONS := 18.2.0 18.3.0
MINIO_VERSION := 0.0.0-20260212201848-7aac2a2c5b7c
VERSITYGW_VERSION := 1.8.0

OS := $(shell uname -s | tr '[:upper:]' '[:lower:]')
ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x64,$(shell uname -m)))
LIBRARY := libduckdb.$(if $(filter darwin,$(OS)),dylib,so)
DUCKDB_SHA256_linux-x64 := 1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff

DUCKDB := $(RFE_CACHE)/duckdb-$(DUCKDB_VERSION)/$(LIBRARY)
BUF := $(RFE_CACHE)/buf-$(BUF_VERSION)/node_modules/.bin/buf
CARGO_DENY := $(RFE_CACHE)/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
COMPOSE_GO := $(RFE_CACHE)/compose-go-$(COMPOSE_GO_VERSION)/cmd
GRPCURL := $(RFE_CACHE)/grpcurl-$(GRPCURL_VERSION)/grpcurl
MINIO := $(RFE_CACHE)/minio-$(MINIO_VERSION)/minio
VERSITYGW := $(RFE_CACHE)/versitygw-$(VERSITYGW_VERSION)/versitygw
PYTHON := $(RFE_CACHE)/venv/bin/python
JDBC_DRIVERS := $(JDBC_DRIVER_VERSIONS:%=$(RFE_CACHE)/flight-sql-jdbc-driver-%.jar)
# Named by what is to be in it, so that checkouts of several times share the cache.
NODE_MODULES := $(RFE_CACHE)/typescript-$(firstword $(shell cksum clients/typescript/package-lock.json 2>/dev/null))/node_modules
HTTPFS := $(RFE_CACHE)/venv/httpfs.duckdb_extension
PYTHON_READY := $(RFE_CACHE)/venv/requirements.txt
BENCH_READY := $(RFE_CACHE)/venv/bench-requirements.txt
TARGET := $(RFE_CACHE)/target
BINARY := $(TARGET)/release/rfe
ADVISORIES := https://github.com/rustsec/advisory-db

export CARGO_TARGET_DIR := $(TARGET)
export DUCKDB_LIB_DIR := $(patsubst %/,%,$(dir $(DUCKDB)))
# The folder of initdb and postgres: Debian's newest, else what pg_config names. Asked whenever it is used: `tools` may install it.
RFE_POSTGRES_BIN ?= $(shell ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 | grep . || pg_config --bindir 2>/dev/null)
# The folder of redis-server and redis-cli.
RFE_REDIS_BIN ?= $(patsubst %/,%,$(dir $(shell command -v redis-server 2>/dev/null || echo /usr/bin/redis-server)))
# Test binaries of crates that link DuckDB lie one folder deeper than `rfe` and its library.
TEST_ENVIRONMENT = LD_LIBRARY_PATH=$(DUCKDB_LIB_DIR) DYLD_LIBRARY_PATH=$(DUCKDB_LIB_DIR) \
	JOURNEY_RFE=$(BINARY) JOURNEY_PYTHON=$(PYTHON) JOURNEY_GRPCURL=$(GRPCURL) \
	JOURNEY_DUCKDB=$(RFE_CACHE)/venv/bin/duckdb JOURNEY_HTTPFS=$(HTTPFS) \
	RFE_POSTGRES_BIN=$(RFE_POSTGRES_BIN) RFE_REDIS_BIN=$(RFE_REDIS_BIN) RFE_MINIO=$(MINIO) RFE_VERSITYGW=$(VERSITYGW) \
	JOURNEY_COMPOSE_GO=$(COMPOSE_GO) JOURNEY_BUF=$(BUF) JOURNEY_NODE_MODULES=$(NODE_MODULES) JOURNEY_JDBC_DRIVERS=$(subst $(space),:,$(JDBC_DRIVERS))

# The clients that `make test` tests, by comma. Whoever leaves one out does so on purpose; a language that is missing fails.
CLIENTS := python typescript go jdbc
RFE_TEST_CLIENTS ?= python,typescript,go,jdbc
TESTED := $(sort $(subst $(comma), ,$(RFE_TEST_CLIENTS)))
SKIPPED := $(foreach client,$(filter-out $(TESTED),$(CLIENTS)),--skip the_$(client)_)

# need TEST,DEBIAN_PACKAGE,HINT: where the test fails, root on Debian installs the package; others are told. A server that is installed
# so is not started (RUNLEVEL=1): tests start their own.
define need
	if ! $(1) >/dev/null 2>&1; then \
		if [ "$$(id -u)" = 0 ] && [ -n "$(strip $(2))" ] && command -v apt-get >/dev/null; then \
			echo "rfe: installing $(strip $(2))" >&2; \
			{ apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(2); } >&2; \
		else \
			echo "rfe: $(3)" >&2; exit 1; \
		fi; \
	fi
endef
NEED_CARGO = $(call need,command -v cargo,,cargo is missing: install Rust from https://rustup.rs)
NEED_LINKER = $(call need,command -v cc,gcc libc6-dev,cc is missing: install a C compiler and linker)
NEED_NPM = $(call need,command -v npm,npm,npm is missing: install Node.js)
NEED_GO = $(call need,command -v go,golang-go,go is missing: install Go 1.24 or newer from https://go.dev)
NEED_POSTGRES = $(call need,test -x "$(RFE_POSTGRES_BIN)/initdb",postgresql,Postgres is missing: install version 15 or newer or set \
	RFE_POSTGRES_BIN to the folder of its initdb)
NEED_REDIS = $(call need,test -x "$(RFE_REDIS_BIN)/redis-server" -a -x "$(RFE_REDIS_BIN)/redis-cli",redis-server redis-tools,Redis is \
	missing: install version 7 or newer or set RFE_REDIS_BIN to the folder of its redis-server)
NEED_WRK = $(call need,command -v wrk,wrk,wrk is missing: install it; the benchmarks drive load with it)
NEED_VENV = $(call need,python3 -c "import ensurepip",python3 python3-venv,python3 or its venv is missing: install Python 3.10 or newer)

# language CLIENT,NAME,TEST: names what the tests of a client lack, and goes on.
define language
$(if $(filter $(1),$(TESTED)),{ $(3); } >/dev/null 2>&1 || { missing=yes; \
	echo "rfe: $(2) is missing; install it or leave $(1) out of RFE_TEST_CLIENTS=$(RFE_TEST_CLIENTS)" >&2; };)
endef

.PHONY: help up mesh build test languages generate lint fmt bench drills tools sdks postgres redis duckdb

help:
	@echo 'make up      builds what is missing, then starts everything in one process, with the demo sources'
	@echo 'make mesh    the services of docker-compose.yml as local processes; ARGS takes the words of docker compose'
	@echo 'make build   builds the binary; the last line on stdout is its path'
	@echo 'make test    checks everything: format, protos, dependencies, lints, tests against the real binary'
	@echo '             RFE_TEST_CLIENTS=python,go narrows the clients that are tested to these languages'
	@echo 'make lint    the checks alone'
	@echo 'make bench   the benchmarks'
	@echo 'make drills  the long drills'
	@echo 'make generate  writes the code that is generated from the protos anew, of all clients'
	@echo 'make fmt     formats the code'

# In the foreground of a terminal the program gets a process group of its own, so that Ctrl-C reaches it and not make, whose exit
# code is then the program's. Elsewhere it takes the shell's place, so that whoever ends the group ends it.
up: build
	@case "$$(ps -o stat= -p $$$$ 2>/dev/null)" in \
		*+*) set -m; $(BINARY) up --demo $(ARGS) ;; \
		*) exec $(BINARY) up --demo $(ARGS) ;; \
	esac

# The services of docker-compose.yml as local processes. ARGS takes the words of `docker compose`: up --scale worker=3, ps, logs -f worker,
# exec postgres psql …, exec duckdb duckdb -f /scripts/duckdb_query.sql, down -v.
mesh: tools
	@$(MAKE) build >&2
	@cargo build --release --locked --workspace --bin rfe-mesh >&2
	@case "$$(ps -o stat= -p $$$$ 2>/dev/null)" in \
		*+*) set -m; $(TEST_ENVIRONMENT) $(TARGET)/release/rfe-mesh $(ARGS) ;; \
		*) export $(TEST_ENVIRONMENT); exec $(TARGET)/release/rfe-mesh $(ARGS) ;; \
	esac

build: $(DUCKDB)
	@$(NEED_CARGO)
	@$(NEED_LINKER)
	@if [ ! -x $(BINARY) ]; then \
		echo 'rfe: building; from nothing this takes some 20 minutes on 2 cores, later it takes seconds' >&2; \
	fi
	@cargo build --release --locked --workspace --bin rfe >&2
	@cmp -s $(DUCKDB) $(dir $(BINARY))$(LIBRARY) || { cp $(DUCKDB) $(dir $(BINARY))$(LIBRARY).new; \
		mv $(dir $(BINARY))$(LIBRARY).new $(dir $(BINARY))$(LIBRARY); }
	@echo $(BINARY)

test: languages lint build tools sdks
	@echo 'rfe: tests$(if $(SKIPPED), (clients: $(TESTED) only))' >&2
	@$(TEST_ENVIRONMENT) cargo test --release --locked --workspace --no-fail-fast$(if $(SKIPPED), -- $(SKIPPED))

# A language is not installed by this file: which one, and of which version, is its user's choice.
languages:
	@unknown='$(filter-out $(CLIENTS),$(TESTED))'; known='$(CLIENTS)'; \
	if [ -n "$$unknown" ]; then \
		echo "rfe: RFE_TEST_CLIENTS: $$unknown is none of $${known// /, }" >&2; exit 1; \
	fi; \
	missing=; \
	$(call language,python,Python 3.10 or newer,python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))') \
	$(call language,typescript,Node.js 20 or newer,node -e 'process.exit(+(parseInt(process.versions.node) < 20))') \
	$(call language,typescript,npm,npm --version) \
	$(call language,go,Go 1.25 or newer,go version | grep -E 'go(1\.(2[5-9]|[3-9][0-9])|[2-9])') \
	$(call language,jdbc,a JDK of Java 17 or newer,javac --version) \
	$(call language,jdbc,Maven,mvn --version) \
	[ -z "$$missing" ]

lint: $(DUCKDB) $(BUF) $(CARGO_DENY)
	@echo 'rfe: format' >&2
	@cargo fmt --all --check
	@echo 'rfe: protos' >&2
	@$(BUF) lint
	@tag=$$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true); \
	if [ -n "$$tag" ]; then \
		echo "rfe: protos against $$tag" >&2; $(BUF) breaking --against ".git#tag=$$tag"; \
	else \
		echo 'rfe: no release is tagged yet, so no proto is frozen' >&2; \
	fi
	@echo 'rfe: dependencies' >&2
	@$(CARGO_DENY) --locked --config .cargo/deny.toml check --hide-inclusion-graph bans licenses sources
	@if timeout 20 git ls-remote --quiet $(ADVISORIES) HEAD >/dev/null 2>&1; then \
		$(CARGO_DENY) --locked --config .cargo/deny.toml check --hide-inclusion-graph advisories \
			|| echo 'rfe: warning: advisories, see above' >&2; \
	else \
		echo 'rfe: the advisories can not be fetched here, so they are not checked' >&2; \
	fi
	@echo 'rfe: lints' >&2
	@cargo clippy --release --locked --workspace --all-targets -- -D warnings

# Plugins of buf are programs of the languages themselves: of the Python packages, of npm's, and run by go.
generate: $(DUCKDB) $(BUF) $(PYTHON_READY) $(NODE_MODULES)
	@for client in python typescript go; do \
		echo "rfe: generating clients/$$client" >&2; \
		PATH="$(dir $(PYTHON)):$(NODE_MODULES)/.bin:$$PATH" PYTHONDONTWRITEBYTECODE=1 \
			$(BUF) generate --template clients/$$client/buf.gen.yaml -o clients/$$client; \
	done
	@echo 'rfe: generating proto/rust' >&2
	@RFE_REGENERATE=1 cargo test --quiet --release --locked --workspace --test bootstrap >&2

fmt:
	@cargo fmt --all

bench: build tools $(BENCH_READY)
	@$(NEED_WRK)
	@cargo build --release --locked --workspace --bin rfe-bench >&2
	@$(TEST_ENVIRONMENT) $(TARGET)/release/rfe-bench $(ARGS)

# The drills of `make test` in their long form (DRILL_SEED=N repeats one's choices, ARGS=s3_chaos runs some), the journeys with ten
# times as many deaths, the registries against their model, and the readers' properties on more inputs.
drills: build tools
	@DRILL_FORM=long $(TEST_ENVIRONMENT) cargo test --release --locked --workspace --test drills -- $(ARGS)
	@JOURNEY_KILLS=300 $(TEST_ENVIRONMENT) cargo test --release --locked --workspace --test journeys -- \
		--nocapture kill_nine
	@PROPTEST_CASES=500 $(TEST_ENVIRONMENT) cargo test --release --locked --workspace --test properties
	@QUEUE_SEEDS=200 $(TEST_ENVIRONMENT) cargo test --release --locked --workspace --test model
	@PROPTEST_CASES=20000 $(TEST_ENVIRONMENT) cargo test --release --locked --workspace --test reading -- \
		properties hostile_bytes

tools: $(COMPOSE_GO) $(GRPCURL) $(PYTHON_READY) $(MINIO) $(VERSITYGW) postgres redis

# What the tests of the clients in other languages need.
sdks: $(BUF) $(if $(filter typescript,$(TESTED)),$(NODE_MODULES)) $(if $(filter jdbc,$(TESTED)),$(JDBC_DRIVERS))

# Tests make clusters of their own and end them. Debian's package would make another and keep it running, so while it is installed
# it is told not to. Where Postgres is there already, nothing of it is touched.
NO_CLUSTER := /etc/postgresql-common/createcluster.d/rfe.conf
postgres:
	@trap 'rm -f $(NO_CLUSTER)' EXIT; \
	if [ ! -x "$(RFE_POSTGRES_BIN)/initdb" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		mkdir -p $(dir $(NO_CLUSTER)); echo 'create_main_cluster = false' >$(NO_CLUSTER); \
	fi; \
	$(NEED_POSTGRES)

redis:
	@$(NEED_REDIS)

# The library alone, for the Dockerfile.
duckdb: $(DUCKDB)

$(DUCKDB):
	@$(NEED_NPM)
	@echo 'rfe: fetching DuckDB $(DUCKDB_VERSION)' >&2
	@mkdir -p $(@D); cd $$(mktemp -d -p $(@D)); \
	package=$$(npm pack --silent @duckdb/node-bindings-$(OS)-$(ARCH)@$(DUCKDB_VERSION)-r.1); \
	expected='$(DUCKDB_SHA256_$(OS)-$(ARCH))'; \
	actual=$$( (sha256sum "$$package" 2>/dev/null || shasum -a 256 "$$package") | cut -d ' ' -f 1); \
	if [ -z "$$expected" ]; then \
		echo "rfe: warning: no checksum is known for $$package; it has $$actual" >&2; \
	elif [ "$$actual" != "$$expected" ]; then \
		echo "rfe: $$package has checksum $$actual instead of $$expected" >&2; exit 1; \
	fi; \
	tar -xzf "$$package" package/$(LIBRARY); touch package/$(LIBRARY); mv package/$(LIBRARY) $@; \
	scratch=$$PWD; cd /; rm -r "$$scratch"

$(BUF):
	@$(NEED_NPM)
	@echo 'rfe: fetching buf $(BUF_VERSION)' >&2
	@npm install --silent --no-audit --no-fund --prefix $(RFE_CACHE)/buf-$(BUF_VERSION) @bufbuild/buf@$(BUF_VERSION) >&2

# The library that `docker compose` reads its files with.
$(COMPOSE_GO):
	@$(NEED_GO)
	@echo 'rfe: building compose-go $(COMPOSE_GO_VERSION)' >&2
	@GOBIN=$(@D) go install github.com/compose-spec/compose-go/v2/cmd@v$(COMPOSE_GO_VERSION) >&2

$(GRPCURL):
	@$(NEED_GO)
	@echo 'rfe: building grpcurl $(GRPCURL_VERSION)' >&2
	@GOBIN=$(@D) go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v$(GRPCURL_VERSION) >&2

$(MINIO):
	@$(NEED_GO)
	@echo 'rfe: building MinIO $(MINIO_VERSION); this takes some minutes, once' >&2
	@GOBIN=$(@D) go install github.com/minio/minio@v$(MINIO_VERSION) >&2

$(VERSITYGW):
	@$(NEED_GO)
	@echo 'rfe: building versitygw $(VERSITYGW_VERSION); this takes some minutes, once' >&2
	@GOBIN=$(@D) go install github.com/versity/versitygw/cmd/versitygw@v$(VERSITYGW_VERSION) >&2

$(NODE_MODULES): clients/typescript/package-lock.json
	@$(NEED_NPM)
	@echo 'rfe: fetching the packages of the TypeScript client' >&2
	@mkdir -p $(@D); cp clients/typescript/package.json clients/typescript/package-lock.json $(@D); \
		cd $(@D); npm ci --silent --no-audit --no-fund --ignore-scripts >&2; touch $@

$(JDBC_DRIVERS): $(RFE_CACHE)/flight-sql-jdbc-driver-%.jar:
	@echo 'rfe: fetching the JDBC driver of Flight SQL $*' >&2
	@mvn --quiet --batch-mode dependency:copy -Dmdep.useBaseVersion=true -DoutputDirectory=$(@D) \
		-Dartifact=org.apache.arrow:flight-sql-jdbc-driver:$* >&2

# Beside the clients, a bare DuckDB as people have it, and its extension for S3 under a path that needs no version.
PYTHON_REQUIREMENTS := tests/clients/requirements.txt clients/python/requirements.txt
$(PYTHON_READY): $(PYTHON_REQUIREMENTS)
	@$(NEED_VENV)
	@echo 'rfe: fetching the Python clients of the tests' >&2
	@python3 -m venv $(RFE_CACHE)/venv >&2
	@$(RFE_CACHE)/venv/bin/pip install --quiet $(PYTHON_REQUIREMENTS:%=--requirement %) >&2
	@ln -sfn "$$($(PYTHON) -c 'import duckdb_extension_httpfs as p, glob; \
		print(glob.glob(p.__path__[0] + "/extensions/*/httpfs.duckdb_extension")[0])')" $(HTTPFS)
	@cat $^ >$@

$(BENCH_READY): tests/bench/requirements.txt $(PYTHON_READY)
	@echo 'rfe: fetching what the benchmarks compare with' >&2
	@$(RFE_CACHE)/venv/bin/pip install --quiet --requirement $< >&2
	@cp $< $@

$(CARGO_DENY):
	@$(NEED_CARGO)
	@echo 'rfe: building cargo-deny $(CARGO_DENY_VERSION); this takes some minutes, once' >&2
	@CARGO_TARGET_DIR=$(RFE_CACHE)/target-tools cargo install --quiet --locked --root $(RFE_CACHE)/cargo-deny-$(CARGO_DENY_VERSION) \
		cargo-deny@$(CARGO_DENY_VERSION) >&2
	@rm -rf $(RFE_CACHE)/target-tools
