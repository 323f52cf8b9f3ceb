"""A small builder: a chain of layers written as text, its shapes checked as one goes."""

from core.builder.chain import LAYERS, Chain, Step, fitting, parse_chain
from core.builder.reading import BuilderError

__all__ = ["LAYERS", "BuilderError", "Chain", "Step", "fitting", "parse_chain"]
