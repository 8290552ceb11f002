# The front door. Each target sets up what it needs; `make help` lists them.
# Written for GNU Make 3.81 and BSD tools, so that macOS needs nothing more.

PYTHON   ?= python3
CHOSEN   := $(shell cat .venv/.torch 2>/dev/null)
TORCH    ?= $(if $(CHOSEN),$(CHOSEN),default)
PORT     ?= 8000
NB       ?= $(wildcard notebooks/*.ipynb)
BIN      := .venv/bin
PY       := $(BIN)/python
READY    := .venv/.ready
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
# Two processes of one thread each fill two cores better than one process of two.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
NBVAL    := $(PY) -m pytest --nbval --nbval-sanitize-with tests/notebooks/sanitize.cfg -p no:cacheprovider notebooks

.PHONY: help setup book test serve notebooks handout pdf train bench lint unit check-notebooks browser links measure lighthouse reproduce ranges exercises fuzz coverage mutants audit lock clean always

help:            ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):[^#]*## /  \1|/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) book/tools/setup.py --torch $(TORCH)

# Another choice of torch than the last one asks for set-up again.
ifneq ($(TORCH),$(CHOSEN))
$(READY): always
endif
always:

setup: $(READY)  ## .venv from requirements.lock; every other target does it when it must

book: $(READY)   ## the site, into _build/html
	@$(PY) book/tools/build.py

# The browser first: where none can be had, nobody waits for the rest to hear of it.
test:            ## everything that CI checks: style, types, package, site, every stored output, browser
	@$(PYTHON) book/tools/browser.py --quiet
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory book
	@$(MAKE) --no-print-directory links
	@$(MAKE) --no-print-directory check-notebooks
	@$(MAKE) --no-print-directory browser

serve: book      ## the site on this machine; PORT=8000
	@$(PY) book/tools/serve.py --port $(PORT)

notebooks: $(READY)   ## run notebooks and store their outputs; NB=notebooks/05_vit.ipynb for one
	@$(PY) book/tools/execute.py $(NB)

handout: $(READY)     ## the notebooks without solutions, to hand out, into _build/handout
	@$(PY) book/tools/handout.py

pdf: book        ## the whole book as one file, _build/book.pdf, with bookmarks
	@$(PYTHON) book/tools/browser.py --quiet
	@$(PY) book/tools/pdf.py

train: $(READY)  ## train by a recipe, into runs/; MODEL=vit-mnist5k; INSTALL=1 to replace the course's own checkpoint
	@test -n "$(MODEL)" || { echo "train: name a recipe, as in: make train MODEL=vit-mnist5k"; exit 2; }
	@$(BIN)/mmcourse train $(MODEL) $(if $(INSTALL),--install)

bench: $(READY)  ## side-by-side timings against the libraries a reader would use instead; ONLY=palette for one, RECORD=1 for the page
	@RECORD=$(RECORD) $(PY) benchmarks/run.py $(ONLY)

lint: $(READY)   ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/mypy

unit: $(READY)   ## the package's tests
	@$(ONE_THREAD) $(PY) -m pytest tests --ignore=tests/browser -n 2

fuzz: $(READY)   ## generated inputs for every public entry; EACH=700 of them for each
	@$(ONE_THREAD) $(PY) tests/property/entries.py $(if $(EACH),$(EACH),700)

# What the model's core is: measured whole by its tests, and changed on purpose to see whether they notice.
CORE     := mmcourse/transformer.py,mmcourse/cache.py,mmcourse/generation/*,mmcourse/tokens/*

coverage: $(READY)   ## lines and branches of transformer, cache, generation and tokens that their tests run
	@$(ONE_THREAD) $(PY) -m coverage run --branch --include="$(CORE)" -m pytest -p no:cacheprovider tests/unit tests/parity
	@$(PY) -m coverage report --show-missing --fail-under=95

mutants: $(READY)    ## small changes of the same modules, and whether a test notices; COUNT=100 of them, SEED=0
	@$(ONE_THREAD) $(PY) -W ignore tests/mutants.py $(if $(COUNT),$(COUNT),100) --seed $(if $(SEED),$(SEED),0)

check-notebooks: $(READY)   ## run every notebook again and compare with what is stored
	@$(if $(NOTEBOOKS),$(ONE_THREAD) $(NBVAL) -n 2 --dist loadfile,echo "no notebooks yet")

browser: $(READY)   ## open every page of the built site in Chromium
	@$(PYTHON) book/tools/browser.py --quiet
	@$(PY) -m pytest tests/browser

links: $(READY)  ## every link and anchor of the built site; EXTERNAL=1 for links to other sites too
	@$(PY) book/tools/links.py $(if $(EXTERNAL),--external)

measure: $(READY)   ## what the built chapters show and weigh, axe on every page, vnu on every page
	@$(PY) book/tools/measure.py shares; shares=$$?; $(PY) book/tools/measure.py axe; axe=$$?; \
	$(PY) book/tools/measure.py html && exit $$((shares + axe))

lighthouse: $(READY)   ## Lighthouse on every chapter, mobile and desktop; PAGES="notebooks/05_vit.html" for some
	@$(PY) book/tools/measure.py lighthouse $(PAGES)

# Two threads in each of two processes on two cores would wait for one another: two threads run alone.
reproduce: $(READY)   ## stored outputs once more: three times, on two threads and on one, then with another processor's arithmetic
	OMP_NUM_THREADS=2 $(NBVAL)
	$(ONE_THREAD) $(NBVAL) -n 2 --dist loadfile
	$(ONE_THREAD) $(NBVAL) -n 2 --dist loadfile
	$(ONE_THREAD) ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_CBWR=COMPATIBLE $(NBVAL) -n 2 --dist loadfile

ranges:          ## the tests of package and data with the oldest declared versions, on the oldest and the newest Python
	@$(PYTHON) book/tools/ranges.py

exercises: $(READY)   ## how many right and wrong answers the exercise checkers judge as they should; READ=known for the messages
	@$(ONE_THREAD) $(PY) tests/exercises/score.py $(if $(READ),--read $(READ))
	@$(ONE_THREAD) $(PY) -W ignore tests/exercises/mutants.py

audit: $(READY)  ## does a locked version have a known fault?
	@$(BIN)/uv tool run pip-audit --disable-pip --require-hashes --requirement requirements.lock

lock: $(READY)   ## bring the lock to the ranges of pyproject.toml; UPGRADE=1 chooses every version anew
	@$(PY) book/tools/lock.py $(if $(UPGRADE),--upgrade)

clean:           ## throw away the built site, keep .venv and caches
	rm -rf _build book/_generated/*.md .ranges
