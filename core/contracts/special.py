"""Names of attributes that a class has for Python, not for those who use its objects.

The sandbox gets this module too: it imports nothing but the standard library.
"""

from __future__ import annotations

from typing import Final

CONSTRUCTION: Final = frozenset({
    "__init__", "__new__", "__init_subclass__", "__class_getitem__", "__subclasshook__", "__slots__",
    "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__del__",
    "__match_args__", "__firstlineno__", "__static_attributes__", "__abstractmethods__", "__parameters__",
    "__orig_bases__", "__type_params__", "__protocol_attrs__", "__non_callable_proto_members__",
    "__callable_proto_members_only__",
    "__dataclass_fields__", "__dataclass_params__", "__annotate__", "__annotate_func__",
    "__annotations_cache__",
})  # fmt: skip
"""No interface asks for these on an object."""
