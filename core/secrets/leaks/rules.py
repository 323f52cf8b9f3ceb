"""All rules with a form of their own, the more specific first: where two match, the first wins.

The forms are from the providers' documentation where they publish them (GitHub, GitLab, Google, Pinecone,
PyPI), and else from what their keys look like; lengths are ranges, since providers change them.
"""

from __future__ import annotations

from typing import Final

from core.secrets.leaks.rule import Rule
from core.secrets.leaks.rules_ai import AI_RULES
from core.secrets.leaks.rules_cloud import CLOUD_RULES
from core.secrets.leaks.rules_services import SERVICE_RULES
from core.secrets.leaks.rules_shapes import SHAPE_RULES

RULES: Final[tuple[Rule, ...]] = (*CLOUD_RULES, *AI_RULES, *SERVICE_RULES, *SHAPE_RULES)
