"""Regular expressions that users send (`~=` of clause 4.9, idPattern): RE2, linear in pattern and text."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import cast

import re2

from cityos.ngsi.error import BadRequestData

_LONGEST = 1_000  # characters
_MEMORY = 1 << 20  # bytes of one compiled pattern; RE2 refuses what needs more
# Steps of the program a pattern becomes. Where its automaton does not fit into the memory, each step may be taken for
# each character: a{0,999}b (2,003 steps) takes 0.4 s for 20,000 characters; .{0,100} (905) takes 0.6 ms, and a class of
# all letters (1,202) 0.1 ms.
_MOST_STEPS = 1_250


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.never_capture = True
    return options


_OPTIONS = _options()


@functools.lru_cache(maxsize=512)
def compile_pattern(pattern: str, where: str) -> Callable[[str], bool]:
    """Whether a text holds a match anywhere, as a function. `where` is named in errors (`idPattern`).

    Look-around and back-references are not part of RE2's syntax. Raises BadRequestData.
    """
    if len(pattern) > _LONGEST:
        raise BadRequestData(f"{where} is longer than {_LONGEST} characters")
    try:
        compiled = re2.compile(pattern.encode(), _OPTIONS)
    except re2.error as error:
        reason = cast(object, error.args[0] if error.args else "")
        told = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise BadRequestData(
            f"{where} {pattern[:80]!r} is not a regular expression of RE2's syntax: {told[:80]}"
        ) from None
    except UnicodeEncodeError:
        raise BadRequestData(f"{where} contains a lone surrogate") from None
    if compiled.programsize > _MOST_STEPS:
        raise BadRequestData(f"{where} {pattern[:80]!r} repeats too much: {compiled.programsize} steps")
    # Bytes: given text, the wrapper would also map every offset back to characters.
    search = compiled.search
    return lambda text: search(text.encode(errors="replace")) is not None
