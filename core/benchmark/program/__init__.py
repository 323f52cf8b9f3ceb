"""What a visitor takes away: a script that repeats a measurement without this app."""

from core.benchmark.program.writer import program

__all__ = ["program"]
