"""The engine: run one SELECT over given tables, get Arrow back. DuckDB today; nothing above knows its API."""
