"""The history of benchmark runs: kept in SQLite or PostgreSQL, and taken in and out as files."""

from core.benchmark.history.exchange import ExchangeError, read_json, write_csv, write_json
from core.benchmark.history.lines import MachineLine, ResultLine, RunLine, TrendPoint
from core.benchmark.history.queries import Bounds, Series
from core.benchmark.history.run import HistoryError, Run, model_id, new_id, record, weight_bytes
from core.benchmark.history.store import History, Saved

__all__ = [
    "Bounds",
    "ExchangeError",
    "History",
    "HistoryError",
    "MachineLine",
    "ResultLine",
    "Run",
    "RunLine",
    "Saved",
    "Series",
    "TrendPoint",
    "model_id",
    "new_id",
    "read_json",
    "record",
    "weight_bytes",
    "write_csv",
    "write_json",
]
