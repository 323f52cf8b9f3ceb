"""Gradients four ways: by hand, by autograd, by finite differences and by forward mode."""

from core.gradients.expression import Expression, ExpressionError, parse
from core.gradients.problem import Problem, ProblemError, problem
from core.gradients.witnesses import Comparison, Verdict, Witnesses, compare, examine

__all__ = [
    "Comparison",
    "Expression",
    "ExpressionError",
    "Problem",
    "ProblemError",
    "Verdict",
    "Witnesses",
    "compare",
    "examine",
    "parse",
    "problem",
]
