"""Comparison of a request with the SDK's data classes, whose `from_dict` drops what it does not know without a word."""

import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

_PLAIN = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def violations(value: Any, kind: Any, place: str = "") -> Iterator[str]:
    """Yield where a JSON value differs from a type of the SDK: unknown and missing fields, wrong types and values.

    Args:
        kind: a data class, an annotation of one of its fields, or a method of the SDK whose arguments are the fields.
        place: of the value in the request, such as `tasks[0].libraries`.
    """
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        # All unions are optional fields.
        [kind] = (one for one in typing.get_args(kind) if one is not type(None))
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if value is None or kind is Any:
        return
    if is_dataclass(kind) or isinstance(kind, types.FunctionType):
        yield from _in_object(value, kind, place)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{place} must be a list, it is {value!r}"
            return
        for at, entry in enumerate(value):
            yield from violations(entry, arguments[0], f"{place}[{at}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{place} must be an object, it is {value!r}"
            return
        for name, entry in value.items():
            yield from violations(entry, arguments[1], f"{place}.{name}")
    elif isinstance(kind, type) and issubclass(kind, Enum):
        if value not in {one.value for one in kind}:
            yield f"{place} must be one of {', '.join(one.value for one in kind)}, it is {value!r}"
    elif kind in _PLAIN and not _fits(value, kind):
        yield f"{place} must be {_PLAIN[kind]}, it is {value!r}"


def _in_object(value: Any, kind: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place or 'the request'} must be an object, it is {value!r}"
        return
    known, prefix = _hints(kind), f"{place}." if place else ""
    for name, entry in value.items():
        if name in known:
            yield from violations(entry, known[name], f"{prefix}{name}")
        else:
            yield f"{prefix}{name} is unknown"
    for field in fields(kind) if is_dataclass(kind) else ():
        if field.default is MISSING and field.default_factory is MISSING and value.get(field.name) is None:
            yield f"{prefix}{field.name} is missing"


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return {name: hint for name, hint in typing.get_type_hints(kind).items() if name != "return"}


def _fits(value: Any, kind: type) -> bool:
    """Return whether a value has a plain type; as in protocol buffers, integers may come as text."""
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    if kind is int and isinstance(value, str):
        return value.removeprefix("-").isdecimal()
    return isinstance(value, (int, float) if kind is float else kind)
