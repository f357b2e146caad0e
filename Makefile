# Everything a newcomer or a machine needs: `make run`, `make test`, `make check`, `make fix`, `make ui`, `make bench`, `make scenarios`, `make real`.
# uv is installed into .tools/ (pinned by hash in .ci/uv.txt), everything else into .venv/ (pinned by hash in uv.lock).

PYTHON ?= python3
HOME_DIR ?= .home/demo
UV := .tools/bin/uv
RUN := .venv/bin/

.PHONY: run test test-fast check fix ui bench scenarios real clean

.tools/ready: .ci/uv.txt
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/uv.txt
	touch $@

.venv/ready: .tools/ready uv.lock pyproject.toml
	$(UV) sync --locked --quiet --python $(PYTHON)
	touch $@

run: .venv/ready
	@test -f $(HOME_DIR)/home.yaml || $(RUN)kangheng demo --home $(HOME_DIR) $(if $(RESIDENTS),--residents $(RESIDENTS))
	@$(RUN)kangheng run --home $(HOME_DIR) --latest

test: .venv/ready
	$(RUN)pytest -n 2 --dist worksteal

test-fast: .venv/ready
	$(RUN)pytest -n 2 --dist worksteal -m "not slow"

check: .venv/ready
	$(UV) lock --check
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(RUN)python -m sql.portability

fix: .venv/ready
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

ui: .venv/ready
	$(RUN)kangheng ui --home $(HOME_DIR)

bench: .venv/ready
	$(RUN)python -m benchmarks.road

scenarios: .venv/ready
	$(RUN)python -m benchmarks.scenarios

real: .venv/ready
	$(RUN)python -m benchmarks.real

clean:
	rm -rf .venv .tools .home .pytest_cache .mypy_cache .ruff_cache .hypothesis
