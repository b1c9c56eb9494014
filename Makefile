# Everything is run from .venv, which lab/bootstrap makes. Words for pytest: make unit PYTEST="-k tree -x"; numbers of hosts for bench: make bench SIZES="10 500"
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Hundreds of processes that tests start import the same files; compiled anew in each, these take most of its time.
unexport PYTHONDONTWRITEBYTECODE
PYTEST ?=
SIZES ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-down test test-long unit bench lint sanity packaging root e2e-vm e2e stage bootstrap

help: ## Show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: bootstrap ## Build and boot the lab, run site.yml on it and show the report
	lab/lab up
	@rm -f inventory/.binhost/report.txt
	@echo 'ansible-playbook site.yml -i inventory'; \
	ansible-playbook site.yml -i inventory; status=$$?; \
	if [ -e inventory/.binhost/report.txt ]; then cat inventory/.binhost/report.txt; fi; exit $$status

demo-down: ## Remove all that demo has made
	lab/lab down

# Two at a time: the stage takes long, the other checks fit beside it; virtual machines and the lab's hosts often wait,
# so they run side by side. All of them are run, whichever fails, and each tells its own count at its end.
test: bootstrap ## Run every check; ends with pytest's counts of the end-to-end tests, one for each lab
	@$(MAKE) --jobs=2 --keep-going --output-sync=target stage unit lint packaging sanity root
	@$(MAKE) --jobs=2 --keep-going --output-sync=target e2e-vm e2e

test-long: ## Run every check, with all repetitions of the tests that kill and race, and the virtual machines' faults
	@BINHOST_LONG=1 $(MAKE) test

unit: bootstrap ## Test the code, in seconds
	pytest --numprocesses=2 $(PYTEST)

bench: bootstrap ## Measure the planner with fleets of up to 10,000 hosts, reading an index, entering a build root, and emerge; judges nothing
	python benchmarks/planner.py $(SIZES)
	python benchmarks/packages.py
	python benchmarks/enter.py
	python benchmarks/emerge.py

lint: bootstrap ## Check style and types
	@status=0; for tool in 'ruff check' 'ruff format --check' mypy 'yamllint --strict .' ansible-lint; do \
	  echo "$$tool"; $$tool || status=1; done; exit $$status

packaging: bootstrap ## Find, build, install and document the collection
	pytest tests/packaging $(PYTEST)

sanity: bootstrap ## Run ansible-test sanity
	python tests/sanity/run.py

root: stage ## Test mounts, namespaces and builds in roots on this machine, as root; all repetitions with BINHOST_LONG=1
	@tests/root/run $(PYTEST)

e2e-vm: stage ## Run Molecule's scenario nfs, then the tests of four virtual machines; with BINHOST_LONG=1 plugs and cables are pulled, too
	@tests/e2e_vm/run $(PYTEST)

e2e: stage ## Run Molecule, then the tests of a lab of three hosts that is removed afterwards
	@tests/e2e/run $(PYTEST)

# With + its words are not held back until it ends.
stage: bootstrap
	+@python3 -m lab.stage

bootstrap:
	@lab/bootstrap
