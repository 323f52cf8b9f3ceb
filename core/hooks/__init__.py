"""Hooks on any layer: what to register, what fired, and why a hook stayed silent."""

from core.hooks.events import Event, Observed
from core.hooks.recorder import HookRecorder
from core.hooks.spec import Action, HookError, HookKind, HookSpec, parse_spec

__all__ = ["Action", "Event", "HookError", "HookKind", "HookRecorder", "HookSpec", "Observed", "parse_spec"]
