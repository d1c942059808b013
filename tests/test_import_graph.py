"""Imports point to a lower layer or stay inside their package, and no module reaches itself.

The graph is read from the syntax tree, so imports inside functions and under TYPE_CHECKING count like all others.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

pytestmark = [pytest.mark.unit, pytest.mark.contract("S1.02")]

PACKAGE = "customer360"
SOURCES = Path(__file__).parents[1] / "src" / PACKAGE

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "clock"}),
    frozenset({"settings"}),
    frozenset({"workspace"}),
    frozenset({"warehouse", "lake", "store", "access"}),
    frozenset({"synth", "demo_api", "ingest", "semantic", "charts", "jobs"}),
    frozenset({"churn", "value", "customers", "segments", "products", "explore", "ask"}),
    frozenset({"build", "campaigns", "reports", "monitoring"}),
    frozenset({"api", "ui", "cli"}),
)
SIDEWAYS = frozenset({("cli", "ui")})
"""docs/decisions/0018: serve asks the pages' package for the command that starts them."""

Graph = dict[str, set[str]]


def read_sources(root: Path) -> dict[str, str]:
    """Return the source of every module below ``root``, by dotted name."""
    sources = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources[name] = path.read_text(encoding="utf-8")
    return sources


def import_graph(sources: Mapping[str, str]) -> Graph:
    """Return which modules of the package each module imports; ``from package import module`` is the module."""
    return {
        name: {target for target in _imports(name, source, sources) if target != name}
        for name, source in sources.items()
    }


def _imports(importer: str, source: str, sources: Mapping[str, str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(importer, node, sources)
            if _is_ours(origin):
                names = (f"{origin}.{alias.name}" for alias in node.names)
                yield from (name if name in sources else origin for name in names)


def _origin(importer: str, node: ast.ImportFrom, sources: Mapping[str, str]) -> str:
    if not node.level:
        return node.module or ""
    is_package = any(name.startswith(f"{importer}.") for name in sources)
    parts = importer.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, node.module] if node.module else base)


def _is_ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(f"{PACKAGE}.")


def violations(graph: Graph, sideways: frozenset[tuple[str, str]] = SIDEWAYS) -> list[str]:
    """Return one sentence for everything that breaks the rule."""
    rank = {part: level for level, layer in enumerate(LAYERS) for part in layer}
    found = [f"{part} has no layer" for part in sorted({_part(module) for module in graph} - rank.keys() - {""})]
    for importer, targets in sorted(graph.items()):
        for imported in sorted(targets):
            fault = _fault(_part(importer), _part(imported), rank, sideways)
            found += [f"{importer} imports {imported}: {fault}"] if fault else []
    return found + _cycles(graph)


def _part(module: str) -> str:
    """Return the layered part a module belongs to; the package's own ``__init__`` lies below all of them."""
    return module.split(".")[1] if "." in module else ""


def _fault(importer: str, imported: str, rank: Mapping[str, int], sideways: frozenset[tuple[str, str]]) -> str:
    if imported in (importer, "") or (importer, imported) in sideways:
        return ""
    low, high = rank.get(imported), rank.get(importer, -1)
    if low is None or low > high:
        return "upward"
    return "sideways" if low == high else ""


def _cycles(graph: Graph) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"cycle: {' → '.join(reversed(error.args[1]))}"]
    return []


@pytest.fixture(scope="module")
def graph() -> Graph:
    return import_graph(read_sources(SOURCES))


def test_imports_point_down_and_form_no_cycle(graph: Graph) -> None:
    assert violations(graph) == []


def test_the_graph_covers_the_whole_package(graph: Graph) -> None:
    assert {"customer360.errors", "customer360.semantic.compiler", "customer360.cli.app"} <= graph.keys()
    assert "customer360.warehouse" in graph["customer360.semantic.reading"]


def test_every_exception_to_the_rule_is_still_needed(graph: Graph) -> None:
    without = violations(graph, sideways=frozenset())
    assert {tuple(_part(end) for end in edge.split(":")[0].split(" imports ")) for edge in without} == SIDEWAYS


PLANTED = {
    "an upward import": (
        {"customer360.lake": "from customer360.ingest import load"},
        "customer360.lake imports customer360.ingest: upward",
    ),
    "a sideways import": (
        {"customer360.lake": "import customer360.store.tables"},
        "customer360.lake imports customer360.store.tables: sideways",
    ),
    "an import inside a function": (
        {"customer360.errors": "def f():\n    from customer360 import settings"},
        "customer360.errors imports customer360.settings: upward",
    ),
    "an import for types only": (
        {"customer360.store": "if TYPE_CHECKING:\n    from customer360.cli import app"},
        "customer360.store imports customer360.cli: upward",
    ),
    "a relative import": (
        {"customer360.store.database": "from ..lake import bronze"},
        "customer360.store.database imports customer360.lake.bronze: sideways",
    ),
    "the exception the other way round": (
        {"customer360.ui": "from customer360.cli import app"},
        "customer360.ui imports customer360.cli: sideways",
    ),
    "a package without a layer": ({"customer360.utils.text": ""}, "utils has no layer"),
    "a module without a layer": ({"customer360.helpers": ""}, "helpers has no layer"),
    "a cycle inside a package": (
        {"customer360.lake.a": "from customer360.lake import b", "customer360.lake.b": "import customer360.lake.a"},
        "cycle: ",
    ),
    "a cycle through an __init__": (
        {
            "customer360.lake": "from customer360.lake.a import x",
            "customer360.lake.a": "from customer360.lake import y",
        },
        "cycle: ",
    ),
}


@pytest.mark.parametrize(("planted", "found"), PLANTED.values(), ids=PLANTED)
def test_the_checker_finds(planted: dict[str, str], found: str) -> None:
    sources = {"customer360.lake.bronze": "", "customer360.store.tables": "", "customer360.settings": ""} | planted
    faults = violations(import_graph(sources))
    assert any(fault.startswith(found) for fault in faults), faults


def test_the_checker_accepts_what_points_down_or_stays_inside() -> None:
    sources = {
        "customer360": "",
        "customer360.errors": "from customer360 import __version__",
        "customer360.lake": "from customer360.lake.bronze import x",
        "customer360.lake.bronze": "from customer360.errors import Gone\nfrom .manifests import y",
        "customer360.lake.manifests": "import json",
        "customer360.ui": "",
        "customer360.cli": "from customer360.ui import command",
    }
    assert violations(import_graph(sources)) == []


def _with_public_names() -> list[str]:
    return [name for name, source in read_sources(SOURCES).items() if "__all__" in source]


@pytest.mark.parametrize("module", _with_public_names())
def test_every_public_name_exists(module: str) -> None:
    loaded = importlib.import_module(module)
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []


def test_every_package_says_what_is_public() -> None:
    packages = {f"{PACKAGE}.{path.parent.name}" for path in SOURCES.glob("*/__init__.py")}
    assert packages - set(_with_public_names()) == set()
