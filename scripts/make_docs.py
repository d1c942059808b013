"""Write the documents that are generated from the code and the tests; ``--check`` only tells which are stale.

python scripts/make_docs.py [--check]
"""

from __future__ import annotations

import argparse
import ast
import functools
import inspect
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from customer360 import errors, settings
from customer360.api import create_app
from customer360.cli import app as command_line
from customer360.ingest.api_schemas import SCHEMAS, json_schema
from customer360.lake import PROVENANCE, TABLES, Column
from customer360.semantic import Item, Kind, SemanticModel, load_model
from customer360.settings import (
    SEMANTIC_MODELS,
    AppSettings,
    QuerySettings,
    ResourceSettings,
    WorkspaceSettings,
    business_rules,
    semantic_model_file,
)
from customer360.warehouse.permissions import read_matrix, write_grants

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "docs" / "contract-rows.yml"
MADE = "<!-- Written by scripts/make_docs.py (make docs). Change the code or the tests, not this file. -->"
MISSING_VALUE = "–"


def main() -> int:
    """Write what is stale, or with ``--check`` only name it; exit code 1 then says that something is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a document is stale")
    only_check, found = parser.parse_args().check, False
    for name, write in DOCUMENTS.items():
        text = write()
        if _read(ROOT / name) == text:
            continue
        found = True
        print(f"{name} is stale: make docs writes it anew." if only_check else f"Wrote {name}.")
        if not only_check:
            (ROOT / name).write_text(text, encoding="utf-8")
    return 1 if found and only_check else 0


def stale() -> list[str]:
    """Return the documents that differ from what the code says."""
    return [name for name, write in DOCUMENTS.items() if _read(ROOT / name) != write()]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


# What the tests show


def status() -> str:
    """Return docs/status.md: each row of the contract that a test shows, and how far."""
    marks, rows = collect_marks(ROOT / "tests"), read_rows(ROWS)
    if faults := row_faults(marks, rows):
        raise SystemExit("\n".join(faults))
    partial = [row for row in rows if rows[row].get("partial")]
    lines = [
        [row, rows[row]["capability"], _state(rows[row]), "<br>".join(_shown_by(marks[row]))]
        for row in sorted(marks, key=row_order)
    ]
    return _page(
        "Status",
        "What works, row by row of the contract ([contract-map.md](contract-map.md) says what a row is). A row is "
        "listed only while tests of `make test` show it; nothing else calls a row done. *Partial* names what is "
        "missing.",
        f"{len(lines)} rows are shown by tests: {len(lines) - len(partial)} done, {len(partial)} partial.",
        _table(["row", "what one can do", "state", "shown by"], lines),
    )


def collect_marks(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Return, for each row, the (file, test) that carry its mark; the test is empty where a whole file does."""
    marks: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in sorted(folder.rglob("test_*.py")):
        name = path.relative_to(folder.parent).as_posix()
        for row, test in _marks_of(ast.parse(path.read_text(encoding="utf-8")), name):
            marks[row].add((name, test))
    return {row: _without_covered(tests) for row, tests in marks.items()}


def _marks_of(tree: ast.AST, name: str, test: str = "") -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(tree):
        inside = test
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            inside = node.name
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.contract":
            yield _marked_row(node, name), inside
        yield from _marks_of(node, name, inside)


def _marked_row(call: ast.Call, name: str) -> str:
    match call.args:
        case [ast.Constant(value=str(row))] if not call.keywords:
            return row
    raise SystemExit(f'{name}, line {call.lineno}: write @pytest.mark.contract("S1.17"), one row in plain text.')


def _without_covered(tests: set[tuple[str, str]]) -> list[tuple[str, str]]:
    whole = {name for name, test in tests if not test}
    return sorted((name, test) for name, test in tests if not test or name not in whole)


def read_rows(path: Path) -> dict[str, dict[str, str]]:
    """Return what docs/contract-rows.yml says of each row."""
    rows: dict[str, dict[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return rows


def row_faults(marks: Mapping[str, Any], rows: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return what does not fit between the marks and the rows, one sentence each."""
    unknown = [
        f"{row} is marked by a test and missing from docs/contract-rows.yml." for row in marks if row not in rows
    ]
    unshown = [f"{row} is in docs/contract-rows.yml and no test is marked with it." for row in rows if row not in marks]
    odd = [
        f"{row} in docs/contract-rows.yml takes capability, and partial where something is missing."
        for row, entry in rows.items()
        if not entry.get("capability") or entry.keys() - {"capability", "partial"}
    ]
    return unknown + unshown + odd


def row_order(row: str) -> tuple[str, int]:
    """Sort S1.2 before S1.10, and X after S."""
    part, _, number = row.partition(".")
    return part, int(re.sub(r"\D", "", number) or 0)


def _state(entry: Mapping[str, str]) -> str:
    return f"partial: {entry['partial']}" if entry.get("partial") else "done"


def _shown_by(tests: Iterable[tuple[str, str]]) -> Iterator[str]:
    by_file: dict[str, list[str]] = defaultdict(list)
    for name, test in tests:
        by_file[name] += [f"`{test}`"] if test else []
    for name, names in by_file.items():
        yield f"[{name.removeprefix('tests/')}](../{name})" + (f": {', '.join(names)}" if names else "")


# What the code offers


def commands() -> str:
    """Return docs/commands.md: every command with its help and its options."""
    root = get_command(command_line)
    return _page(
        "Commands",
        "Errors of ours end with an exit code of [their own](reference.md#errors). Every command with `--json` prints "
        "one JSON document, errors included.",
        *_command("customer360", root, "##"),
    )


def _command(name: str, command: Any, heading: str) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([name, *(p.name.upper() if p.required else f"[{p.name.upper()}]" for p in arguments)])
    inside = getattr(command, "commands", {})
    yield f"{heading} {name}"
    yield f"`{usage}{' COMMAND' if inside and not command.invoke_without_command else ''}`"
    yield inspect.cleandoc(command.help or "")
    options = [_option(p) for p in command.params if not p.hidden]
    yield _table(["option", "default", "meaning"], options) if options else ""
    for child, inner in inside.items():
        yield from _command(f"{name} {child}", inner, "##" if heading == "##" and name == "customer360" else "###")


def _option(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        shown = f"`{parameter.name.upper()}`"
    else:
        shown = ", ".join(f"`{name}`" for name in parameter.opts)
    default = parameter.default
    empty = default is None or default is False or default == []
    return [shown, MISSING_VALUE if empty else f"`{default}`", parameter.help or ""]


def endpoints() -> str:
    """Return docs/endpoints.md: every path of the API with what it takes and what it gives."""
    service = create_app(
        AppSettings.model_construct(),
        WorkspaceSettings.model_construct(),
        QuerySettings.model_construct(),
        ResourceSettings.model_construct(),
    )
    schema = service.openapi()
    service.state.service.close()
    parts = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parts += _endpoint(f"{method.upper()} {path}", operation, schema["components"]["schemas"])
    return _page(
        "Endpoints",
        "`/docs` shows the same in the browser, with everything it needs on this machine, and `/openapi.json` for "
        "programs. Every error has [one shape](reference.md#errors).",
        *parts,
    )


def _endpoint(title: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[str]:
    takes = [_parameter(parameter) for parameter in operation.get("parameters", [])]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if body:
        takes += [_property(name, value) for name, value in _resolve(body, schemas)["properties"].items()]
    answer = operation["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
    fields = ", ".join(f"`{name}`" for name in _resolve(answer, schemas).get("properties", {}))
    return [
        f"## {title}",
        operation["summary"] + ".",
        inspect.cleandoc(operation.get("description", "")),
        _table(["takes", "in", "type", "meaning"], takes) if takes else "",
        f"Gives {fields}." if fields else "",
        f"Errors: {', '.join(code for code in sorted(operation['responses']) if code != '200')}.",
    ]


def _parameter(parameter: Mapping[str, Any]) -> list[str]:
    kind = _type(parameter["schema"]) + (", required" if parameter.get("required") else "")
    return [f"`{parameter['name']}`", parameter["in"], kind, parameter.get("description", "")]


def _property(name: str, schema: Mapping[str, Any]) -> list[str]:
    return [f"`{name}`", "body", _type(schema), schema.get("description", "")]


def _type(schema: Mapping[str, Any]) -> str:
    kinds = [schema] if "type" in schema else [s for s in schema.get("anyOf", [{}]) if s.get("type") != "null"]
    kind = str(kinds[0].get("type", "object"))
    limits = " to ".join(f"{kinds[0][name]:g}" for name in ("minimum", "maximum") if name in kinds[0])
    default = schema.get("default")
    return kind + (f" {limits}" if limits else "") + (f", default {default}" if default not in (None, []) else "")


def _resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref", "")
    return schemas[reference.rsplit("/", 1)[-1]] if reference else schema


def reference() -> str:
    """Return docs/reference.md: settings, errors and the columns of bronze."""
    return _page(
        "Reference",
        "Settings, errors, and the bronze tables that a dataset fills.",
        "## Settings",
        "A flag wins over the environment, that over `.env` in the working folder, that over `config.toml` in the "
        "workspace, that over the default. `.env.template` is a file to start from.",
        *_settings(),
        "## Errors",
        "The API answers every error as `{ok, status, code, error, next, errors}`; the command line prints the same "
        "with `--json`, else a sentence and what to do next.",
        _table(["error", "status", "exit code", "code", "when"], _error_rows()),
        "## Business rules",
        "Every constant that is a choice, in one place: `transform/dbt_project.yml`, which dbt and Python both read. "
        "A dataset changes one under `rules:` in its `dataset.yml`; money is in the dataset's currency.",
        _table(["rule", "value", "meaning"], [[f"`{r.name}`", str(r.value), r.meaning] for r in business_rules()]),
        "## Bronze tables",
        "What the select for a table may give. A column that is not given is null. Rows that lack a required value "
        "land, and silver keeps them apart in `silver.rejects` with the reason.",
        *_bronze(),
    )


def _settings() -> Iterator[str]:
    for concern in settings.CONCERNS:
        yield f"### {(concern.__doc__ or '').strip()}"
        template = settings.env_template()
        rows = []
        for field in concern.model_fields.values():
            found = re.search(rf"^{field.alias}=(.*)$", template, re.MULTILINE)
            default = found.group(1) if found else ""
            rows.append([f"`{field.alias}`", f"`{default}`" if default else MISSING_VALUE, field.description or ""])
        yield _table(["variable", "default", "meaning"], rows)


def _error_rows() -> list[list[str]]:
    tree = inspect.getdoc(errors) or ""
    meanings = dict(re.findall(r"^[│├└─ ]*(\w+)(?: \([^)]*\))? {2,}(.+)$", tree, re.MULTILINE))
    return [
        [f"`{kind.__name__}`", str(kind.status), str(kind.exit_code), f"`{kind.code}`", meanings.get(kind.__name__, "")]
        for kind in _subclasses(errors.Customer360Error)
    ]


def _subclasses(kind: type[errors.Customer360Error]) -> Iterator[type[errors.Customer360Error]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _subclasses(child)


def _bronze() -> Iterator[str]:
    for contract in TABLES.values():
        yield f"### bronze.{contract.name}"
        yield f"{contract.grain}."
        yield _table(["column", "type", "required", "meaning"], [_column(column) for column in contract.columns])
    yield "### In every bronze table"
    yield "The select gives `_line` (a column of `source`); the landing adds the others."
    yield _table(["column", "type", "required", "meaning"], [_column(column) for column in PROVENANCE])


def _column(column: Column) -> list[str]:
    return [f"`{column.name}`", column.type, "yes" if column.required else "", column.description]


def metrics() -> str:
    """Return docs/metrics.md: what the semantic models let one ask."""
    first, *others = SEMANTIC_MODELS
    model = load_model(semantic_model_file(first))
    return _page(
        "Metrics and dimensions",
        f"What the semantic model `{first}` lets one ask, with the command line (`customer360 query`), the API "
        "and the pages alike. Ask a name on its own; where two tables share it, write `table.name`.",
        *_model_tables(model),
        "## Over several tables",
        _items(model.list_items({Kind.DERIVED})),
        *(part for name in others for part in _other_model(name)),
    )


def _other_model(name: str) -> Iterator[str]:
    model = load_model(semantic_model_file(name))
    yield f"## The model {name}"
    yield f"{model.definition.description} It is asked with `--model {name}`, over HTTP with `model={name}`."
    yield from _model_tables(model)


def _model_tables(model: SemanticModel) -> Iterator[str]:
    for table in model.tables.values():
        yield f"## {table.name}"
        yield table.description
        for title, kinds in (("Metrics", {Kind.METRIC}), ("Dimensions", {Kind.DIMENSION, Kind.TIME, Kind.FACT})):
            items = model.list_items(kinds, table=table.name)
            if items:
                yield f"### {title} of {table.name}"
                yield _items(items)


def _items(items: Iterable[Item]) -> str:
    rows = [[f"`{i.name}`", i.data_type, i.unit or "", i.description, ", ".join(i.synonyms)] for i in items]
    return _table(["name", "type", "unit", "meaning", "also called"], rows)


def model() -> str:
    """Return docs/model.md: every table of a build, what its rows are, and a diagram from dbt's manifest."""
    nodes = _dbt_nodes()
    lasting = [node for node in nodes.values() if node["resource_type"] == "model" and not _is_staging(node)]
    return _page(
        "Tables",
        "Every table and view of a published build (`builds/<id>/warehouse.duckdb`), made by the dbt project "
        "[transform](../transform). Staging views (`base_*`, `stg_*`) type, clean and judge the rows of bronze while a "
        "build runs and are gone when it is published. The tables of MONITORING that no model makes (`pipeline_runs`, "
        "`alerts`, `query_performance` and `api_metrics`, copied from the operational store; `pipeline_steps` and "
        "`lineage_edges`, from dbt; `ingestion_runs`, which is empty until something writes it) are in "
        "[monitoring.py](../src/customer360/build/monitoring.py).",
        "## From bronze to gold",
        "Silver and gold, with staging left out; an arrow points from what is read to what reads it.",
        _diagram(nodes),
        *_dbt_tables(lasting),
    )


def _dbt_nodes() -> dict[str, Any]:
    """Return models, seeds and sources of the dbt project by id, as dbt understands them."""
    with tempfile.TemporaryDirectory() as target:
        project = ["--project-dir", str(ROOT / "transform"), "--profiles-dir", str(ROOT / "transform" / "profiles")]
        folders = ["--target-path", target, "--log-path", target]
        dbt = [str(Path(sys.executable).with_name("dbt")), "parse", *project, *folders, "--no-partial-parse", "--quiet"]
        subprocess.run(dbt, check=True, capture_output=True)
        manifest = json.loads((Path(target) / "manifest.json").read_text(encoding="utf-8"))
    nodes: dict[str, Any] = manifest["sources"]
    return nodes | {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}


def _is_staging(node: Mapping[str, Any]) -> bool:
    return "staging" in node["fqn"] and node["config"]["materialized"] == "view"


def _diagram(nodes: Mapping[str, Any]) -> str:
    shown = {key for key, node in nodes.items() if node["schema"] in ("bronze", "silver", "gold")}
    shown = {key for key in shown if nodes[key]["resource_type"] == "source" or not _is_staging(nodes[key])}
    lines = ["```mermaid", "flowchart LR"]
    for schema in ("bronze", "silver", "gold"):
        names = sorted(nodes[key]["name"] for key in shown if nodes[key]["schema"] == schema)
        lines += [f"    subgraph {schema}", *(f"        {schema}_{name}[{name}]" for name in names), "    end"]
    edges = {
        f"    {nodes[parent]['schema']}_{nodes[parent]['name']} --> {nodes[key]['schema']}_{nodes[key]['name']}"
        for key in shown
        for parent in _shown_parents(nodes, key, shown)
    }
    return "\n".join([*lines, *sorted(edges), "```"])


def _shown_parents(nodes: Mapping[str, Any], key: str, shown: set[str]) -> Iterator[str]:
    """Yield what a node reads, through the staging views that are not shown."""
    for parent in nodes[key].get("depends_on", {}).get("nodes", []):
        if parent in shown:
            yield parent
        elif parent in nodes:
            yield from _shown_parents(nodes, parent, shown)


def _dbt_tables(nodes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for schema, title in (("gold", "Gold"), ("silver", "Silver"), ("monitoring", "Monitoring"), ("reporting", "Views")):
        yield f"## {title}"
        for node in sorted(nodes, key=lambda node: str(node["name"])):
            schemas = ("reporting", "api", "processed_data") if schema == "reporting" else (schema,)
            if node["schema"] in schemas:
                yield f"### {node['schema']}.{node['alias']}"
                yield node["description"]
                columns = [[f"`{column['name']}`", column["description"]] for column in node["columns"].values()]
                yield _table(["column", "meaning"], columns) if columns else ""


def permissions() -> str:
    """Return infra/snowflake/permissions.sql: the grants of the matrix beside it."""
    return write_grants(read_matrix(ROOT / "infra" / "snowflake" / "permissions.yml"))


# How it is written


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([MADE, f"# {title}", *(part for part in parts if part)]) + "\n"


def _table(columns: list[str], rows: Iterable[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _schema(name: str) -> str:
    return json.dumps(json_schema(name), indent=2) + "\n"


DOCUMENTS: dict[str, Callable[[], str]] = {
    ".env.template": settings.env_template,
    "infra/snowflake/permissions.sql": permissions,
    "docs/commands.md": commands,
    "docs/endpoints.md": endpoints,
    "docs/metrics.md": metrics,
    "docs/reference.md": reference,
    "docs/model.md": model,
    "docs/status.md": status,
    **{f"src/customer360/ingest/schemas/{name}": functools.partial(_schema, name) for name in SCHEMAS},
}


if __name__ == "__main__":
    sys.exit(main())
