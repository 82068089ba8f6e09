# The two commands are `make run` and `make test`; each installs or builds what a fresh machine with
# Rust lacks. `make help` lists the rest.

SHELL := bash
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 26

.PHONY: run
run: ## Start everything on this machine and play a first campaign
	cargo run

# What `make test` is made of, in this order; .ci/run times each.
PARTS = tools lint build unit costs breaking

.PHONY: test
test: $(PARTS) ## Everything that must hold before a change lands

.PHONY: parts
parts:
	@echo $(PARTS)

SCRIPTS = $(shell git ls-files -- .ci/run '*.sh')
DOCUMENTS = $(shell git ls-files -- '*.md')

.PHONY: lint
lint: ## Format, lints, documentation, dependencies, words, scripts, links
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --features local/as-tested --no-deps --locked --quiet
	cargo deny --log-level error check bans licenses sources
	cargo machete
	tools/as-tested.sh
	tools/bin/typos
	tools/bin/shellcheck -x $(SCRIPTS)
	tools/bin/hadolint infra/aws/image/Dockerfile
	tools/bin/lychee --offline --include-fragments --no-progress --quiet $(DOCUMENTS)

# More than there are cores: journeys wait most of their time, for speech as long as it lasts. How many of them
# run at once is bounded in .config/nextest.toml.
THREADS = $(shell echo $$(($$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN) + 2)))

.PHONY: build
build: ## Build everything that the tests run
	cargo nextest run --no-run --workspace --locked

.PHONY: unit
unit: ## Situations, properties, simulation, conformance and journeys
	cargo nextest run --workspace --locked --test-threads $(THREADS) $(NEXTEST)
	cargo test --workspace --doc --locked --quiet

.PHONY: costs
costs: ## Hold the documents' prices to the measurements that they come from
	python3 tools/costs.py --check

.PHONY: breaking
breaking: ## Say whom a change of the API's document breaks
	tools/breaking.py --check
	tools/breaking.py

.PHONY: openapi
openapi: ## Renew the API's document in the repository, and say whom the change breaks
	UPDATE_EXPECT=1 cargo test --package api --lib --locked --quiet the_document_is_the_one_in_the_repository
	tools/breaking.py

.PHONY: conformance
conformance: emulator clients ## Both of the next two (need Python 3)

.PHONY: emulator
emulator: ## The store's check list against an emulator that is not ours
	.ci/ministack.sh

.PHONY: clients
clients: tools ## Carrier's and vendors' own clients against what we simulate, another far end for the worker
	.ci/clients.sh

# What the tests have built is used as it is, wherever cargo has been told to put it.
BUILT = $(or $(CARGO_TARGET_DIR),target)/$(CARGO_BUILD_TARGET)/debug

.PHONY: ratchet
ratchet: ## Hold what a call costs, by leg, to the budgets
	CARGO_INCREMENTAL=0 python3 tools/ratchet.py

.PHONY: ratchet-write
ratchet-write: ## Write budgets anew; where one is raised: make ratchet-write BOUGHT="what for"
	CARGO_INCREMENTAL=0 python3 tools/ratchet.py --write --bought "$(BOUGHT)"

.PHONY: api-clients
api-clients: ## The API held to its OpenAPI document by clients generated of it (needs Python 3)
	.ci/api-clients.sh

.PHONY: drill
drill: CALLS ?= 200
drill: QUESTIONS ?= 9
drill: ## Restart media workers under 200 live calls, and kill one: make drill CALLS=200 QUESTIONS=9
	cargo build --workspace --bins --tests --locked
	$(BUILT)/load handover --calls $(CALLS) --questions $(QUESTIONS)

.PHONY: deploy-check
deploy-check: ## Check the templates, deploy onto an emulator of AWS, play a campaign there (needs Python 3)
	.ci/deploy.sh
	.ci/cdk.sh

.PHONY: image-check
image-check: ## The same with the image's own static worker, built anew
	STATIC=1 .ci/deploy.sh

.PHONY: watch-check
watch-check: ## The README's commands for functions under cargo lambda watch (needs Python 3)
	.ci/watch.sh

.PHONY: nightly
nightly: ## What takes hours: last results are in docs/measurements.md
	$(MAKE) soak SEEDS=2000 LEADS=500
	$(MAKE) drill
	$(MAKE) image-check
	$(MAKE) bench
	$(MAKE) fuzz EACH=1800

.PHONY: fuzz
fuzz: EACH ?= 600
fuzz: ## Search for inputs that break a parser: make fuzz EACH=600 (needs nightly Rust and cargo-fuzz)
	cd tests && for target in $$(cargo +nightly fuzz list); do \
	  cargo +nightly fuzz run "$$target" -- -max_total_time=$(EACH) || exit 1; done

.PHONY: soak
soak: SEEDS ?= 10000
soak: LEADS ?= 500
soak: ## Campaigns under faults for hours: make soak SEEDS=10000 LEADS=500
	SEEDS=$(SEEDS) LEADS=$(LEADS) cargo test --release --locked -p faults -- --nocapture nobody

.PHONY: bench
bench: ## Capacity, latency and memory of one media worker on one core; numbers of campaigns
	cargo build --profile deploy --locked -p load -p media-worker
	target/deploy/load
	cargo run --profile deploy --locked -p intake --example rate
	target/deploy/load campaigns

.PHONY: tools
tools: ## Install the checkers that are missing
	tools/install.sh

.PHONY: watch
watch: ## Run the functions under cargo lambda watch, on the installation in .trunkline
	tools/watch.sh
