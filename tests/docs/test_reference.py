"""docs/reference.md and README.md name everything that the code has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cityos.api import about, changes, contexts, datasets, entities, feeds, subscriptions
from cityos.api.door import Door
from cityos.monitor.health import LABELS
from cityos.vocabulary.feed import FeedState
from tests.docs.story import ROOT

REFERENCE = (ROOT / "docs/reference.md").read_text()
_CODE = re.compile(r"[a-z]+(_[a-z0-9]+)+\Z")


def sources(*rooms: str) -> Iterator[Path]:
    """The Python files of some rooms."""
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


def notice_codes() -> set[str]:
    """Every code given to a Notice or to `hold` as a literal."""
    found: set[str] = set()
    for path in sources("cityos/connector", "cityos/quality", "cityos/store", "connectors"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Notice", "hold"):
                found.update(code for argument in node.args for code in _code_of(argument))
            # quality/position.py returns its code beside the detail
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and "quality" in path.parts:
                found.update(_code_of(node.value.elts[0]))
    return found


def _code_of(node: ast.expr) -> list[str]:
    value = node.value if isinstance(node, ast.Constant) else None
    return [value] if isinstance(value, str) and _CODE.match(value) else []


def test_every_notice_code_is_explained() -> None:
    codes = notice_codes() | {"source_unavailable", "source_refused", "source_changed"}
    assert len(codes) > 20, "the search finds the codes"
    assert {code for code in codes if f"| `{code}` |" not in REFERENCE} == set()


def test_no_notice_code_is_explained_that_does_not_exist() -> None:
    table = REFERENCE[REFERENCE.index("## Notices") :]
    explained = set(re.findall(r"^\| `(\w+)` \|", table, re.M))
    assert explained == notice_codes() | {"source_unavailable", "source_refused", "source_changed"}


@pytest.mark.parametrize(
    "door",
    [
        *about.DOORS,
        *entities.DOORS,
        *contexts.DOORS,
        *subscriptions.DOORS,
        *changes.DOORS,
        *feeds.DOORS,
        *datasets.DOORS,
    ],
    ids=lambda d: f"{d.method} {d.path}",
)
def test_every_route_is_named(door: Door) -> None:
    assert f"`{door.method} {door.path}`" in REFERENCE


def test_every_feed_state_is_named_with_its_japanese_word() -> None:
    for state in FeedState:
        assert f"| `{state.value}` | {LABELS[state][0]} |" in REFERENCE


def test_every_setting_is_named_in_the_reference_and_both_readmes() -> None:
    settings = set(re.findall(r"CITYOS_\w+", (ROOT / "cityos/settings.py").read_text()))
    for page in ("docs/reference.md", "README.md", "README.ja.md"):
        text = (ROOT / page).read_text()
        assert {name for name in settings if name not in text} == set()


def test_every_route_of_every_service_is_named() -> None:
    described = set(re.findall(r"`((?:GET|POST|DELETE) /[^`]*)`", REFERENCE))
    for name in ("portal", "snow_info", "on_demand", "transit"):
        found = list(_routes(ROOT / f"services/{name}/app.py"))
        assert found
        assert {route for route in found if route not in described} == set(), name


def _routes(path: Path) -> Iterator[str]:
    """The routes of a service's edge, as its document names them."""
    for method, route in re.findall(r'@app\.(get|post|delete)\(\s*"([^"]+)"', path.read_text()):
        yield f"{method.upper()} {route.replace(':path', '')}"
