# make demo   an environment with one backend, then the mosquito example, simulated
# make test   the environment, then style and all quick tests on all three backends
# make docs   the site, in build/site, from an environment of its own
# make release   wheel and source archive, in build/release/dist, checked and tried out
# KERAS_BACKEND=jax make demo   another backend for the demo

VENV ?= .venv
PYTHON ?= python3
BACKENDS ?= tensorflow jax torch
KERAS_BACKEND ?= torch
EXTRAS = tensorflow,jax,torch,text,audio,image,data,examples,guides,test
READY = $(VENV)/ready
# What builds the site: no backend is in it.
VENV_DOCS ?= .venv-docs
READY_DOCS = $(VENV_DOCS)/ready
RUN = $(VENV)/bin/python
# The demo needs one backend alone; where the environment of the tests is, it takes that.
DEMO = $(if $(wildcard $(READY)),$(VENV),.venv-$(KERAS_BACKEND))
# Two test processes share the cores; threads of their own would only wait. Each takes
# whole files, whose models are then made once, until there is only the other's to take.
PYTEST = OMP_NUM_THREADS=1 TF_CPP_MIN_LOG_LEVEL=2 $(RUN) -m pytest -q -n 2 --dist worksteal

.PHONY: demo test test-slow style format guides docs release clean

demo: $(DEMO)/ready
	KERAS_BACKEND=$(KERAS_BACKEND) TF_CPP_MIN_LOG_LEVEL=2 $(DEMO)/bin/python \
		examples/mosquito.py

test: $(READY) style
	@set -e; for backend in $(BACKENDS); do \
		echo "== $$backend"; KERAS_BACKEND=$$backend $(PYTEST) -m "not slow"; \
	done

# What trains for minutes is compiled as it is for users, not as quickly as possible.
test-slow: $(READY)
	@set -e; for backend in $(BACKENDS); do \
		echo "== $$backend"; XLA_FLAGS= KERAS_BACKEND=$$backend $(PYTEST) -m slow; \
	done

style: $(READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(READY)
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# The notebooks are generated from the scripts beside them, and executed.
guides: $(READY)
	KERAS_BACKEND=$(KERAS_BACKEND) TF_CPP_MIN_LOG_LEVEL=2 PATH="$(abspath $(VENV))/bin:$$PATH" \
		$(RUN) -m jupytext --to ipynb --set-kernel python3 --execute guides/*.py
	$(RUN) docs/clean_notebooks.py guides/*.ipynb

# A warning, such as a link that leads nowhere, is an error.
docs: $(READY_DOCS)
	$(VENV_DOCS)/bin/python docs/make_pages.py
	NO_MKDOCS_2_WARNING=1 $(VENV_DOCS)/bin/python -m mkdocs build --strict

# The wheel is tried in an environment that holds one backend and nothing of the tree.
RELEASE = build/release
RELEASE_BACKEND ?= jax
release:
	rm -rf $(RELEASE) build/lib build/bdist.*
	$(PYTHON) -m venv $(RELEASE)/tools
	$(RELEASE)/tools/bin/python -m pip install --quiet build twine
	$(RELEASE)/tools/bin/python -m build --outdir $(RELEASE)/dist
	$(RELEASE)/tools/bin/python -m twine check --strict $(RELEASE)/dist/*
	$(PYTHON) -m venv $(RELEASE)/empty
	PYTHONPATH= $(RELEASE)/empty/bin/python -m pip install --quiet -c constraints.txt \
		"$$(ls $(RELEASE)/dist/*.whl)[$(RELEASE_BACKEND),sklearn]"
	KERAS_BACKEND=$(RELEASE_BACKEND) PYTHONPATH= \
		$(RELEASE)/empty/bin/python tests/try_wheel.py docs/getting_started.md

$(READY_DOCS): pyproject.toml
	$(PYTHON) -m venv $(VENV_DOCS)
	$(VENV_DOCS)/bin/python -m pip install --quiet -e ".[docs]"
	touch $@

.venv-%/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet -c constraints.txt -e ".[$*,examples]"
	touch $@

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@

clean:
	rm -rf $(VENV) .venv-* runs build docs/guides docs/project *.egg-info
