"""Documents fail when they go stale: generated files, links, commands, targets, and the worked example, which runs."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.servers.demo_api import QUIET, running
from typer.main import get_command

from customer360.api import create_app
from customer360.cli import app as command_line
from customer360.demo_api import DemoSettings
from customer360.ingest.api_sources import ApiSource, Endpoint, FieldRule, Incremental
from customer360.settings import (
    CONCERNS,
    AppSettings,
    QuerySettings,
    ResourceSettings,
    WorkspaceSettings,
    env_template,
)

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/**/*.md"))
VARIABLES = {field.alias for concern in CONCERNS for field in concern.model_fields.values()}
LATER = re.compile(r"\bcomes with the [\w ,]+ work\b")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)[ ]*(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OTHER_PROGRAMS = {"make", "curl", "cd", "cp", "git", "python3.11", ".venv/bin/pip", ".venv/bin/uv", ".venv/bin/pytest"}


class Block(NamedTuple):
    """One fenced block: its language, what stands behind it on the first line, and its text."""

    language: str
    info: str
    text: str


def _load_make_docs() -> Any:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_docs = _load_make_docs()


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(page.read_text(encoding="utf-8"))]


def _prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def _commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each command of the page's shell blocks."""
    for block in _blocks(page):
        if block.language in ("bash", "sh", "console"):
            for line in block.text.replace("\\\n", " ").splitlines():
                for part in re.split(r"\s(?:&&|\|)\s", line):
                    words = shlex.split(part, comments=True)
                    while words and re.match(r"^[A-Z0-9_]+=", words[0]):
                        assert words[0].split("=")[0] in VARIABLES, f"{words[0]} is no setting"
                        words.pop(0)
                    if words:
                        yield words


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture(scope="module")
def routes() -> set[tuple[str, str]]:
    """(method, path) of everything the service answers."""
    service = create_app(
        AppSettings.model_construct(),
        WorkspaceSettings.model_construct(),
        QuerySettings.model_construct(),
        ResourceSettings.model_construct(),
    )
    found = {(method.upper(), path) for path, methods in service.openapi()["paths"].items() for method in methods}
    service.state.service.close()
    return found | {("GET", "/docs"), ("GET", "/openapi.json")}


# Generated documents


@pytest.mark.unit
@pytest.mark.contract("S1.51")
def test_generated_documents_are_fresh() -> None:
    assert make_docs.stale() == [], "run make docs"


@pytest.mark.unit
def test_the_template_is_what_the_settings_say() -> None:
    assert (ROOT / ".env.template").read_text(encoding="utf-8") == env_template()


@pytest.mark.unit
def test_generating_does_not_depend_on_the_terminal_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: write() for name, write in make_docs.DOCUMENTS.items()}
    for name, value in {"COLUMNS": "40", "TERM": "dumb", "NO_COLOR": "1", "APP_NAME": "Other", "PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    assert {name: write() for name, write in make_docs.DOCUMENTS.items()} == before


@pytest.mark.unit
def test_check_names_what_is_stale_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_docs, "ROOT", tmp_path)
    monkeypatch.setattr(make_docs, "DOCUMENTS", {"page.md": lambda: "new\n"})
    monkeypatch.setattr(sys, "argv", ["make_docs.py", "--check"])
    assert make_docs.main() == 1
    assert "page.md is stale" in capsys.readouterr().out
    assert not (tmp_path / "page.md").exists()
    monkeypatch.setattr(sys, "argv", ["make_docs.py"])
    assert make_docs.main() == 0
    assert (tmp_path / "page.md").read_text() == "new\n"
    monkeypatch.setattr(sys, "argv", ["make_docs.py", "--check"])
    assert make_docs.main() == 0


MARKED = """
import pytest
pytestmark = [pytest.mark.unit, pytest.mark.contract("S9.1")]
@pytest.mark.contract("S9.2")
def test_a(): ...
class TestB:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.contract("S9.10"))])
    def test_b(self, x): ...
"""


@pytest.mark.unit
def test_marks_are_found_on_files_tests_and_parameters(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(MARKED)
    marks = make_docs.collect_marks(tmp_path / "tests")
    assert marks == {
        "S9.1": [("tests/test_x.py", "")],
        "S9.2": [("tests/test_x.py", "test_a")],
        "S9.10": [("tests/test_x.py", "test_b")],
    }
    assert sorted(marks, key=make_docs.row_order) == ["S9.1", "S9.2", "S9.10"]


@pytest.mark.unit
@pytest.mark.parametrize("mark", ['contract("S9.1", "S9.2")', "contract(ROW)", "contract()", "contract(row='S9.1')"])
def test_a_mark_that_cannot_be_read_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / "test_x.py").write_text(f"@pytest.mark.{mark}\ndef test_a(): ...\n")
    with pytest.raises(SystemExit, match="one row in plain text"):
        make_docs.collect_marks(tmp_path)


@pytest.mark.unit
def test_a_row_needs_both_a_mark_and_an_entry() -> None:
    entry = {"capability": "Do it."}
    assert make_docs.row_faults({"S9.1": []}, {"S9.1": entry}) == []
    assert make_docs.row_faults({"S9.1": []}, {}) == [
        "S9.1 is marked by a test and missing from docs/contract-rows.yml."
    ]
    assert make_docs.row_faults({}, {"S9.1": entry}) == [
        "S9.1 is in docs/contract-rows.yml and no test is marked with it."
    ]
    assert len(make_docs.row_faults({"S9.1": []}, {"S9.1": {"state": "done"}})) == 1


# What pages say


@pytest.mark.unit
@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(_prose(page)):
        if re.match(r"^[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{_name(page)}: {target}"
        assert not anchor or anchor in _anchors(place), f"{_name(page)}: {target}"


@pytest.mark.unit
@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_and_their_options_exist(page: Path, routes: set[tuple[str, str]]) -> None:
    for program, *arguments in _commands(page):
        if program.removeprefix(".venv/bin/") == "customer360":
            _check_command(arguments)
        elif program == "make":
            assert set(_targets(arguments)) <= _make_targets(), arguments
        elif program == "curl":
            assert _asked(arguments) in routes, arguments
        elif program == ".venv/bin/python":
            assert (ROOT / arguments[0]).is_file(), arguments
        else:
            assert program in OTHER_PROGRAMS, f"{program}: say in OTHER_PROGRAMS how it is checked"


@pytest.mark.unit
@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_make_targets_in_the_text_exist(page: Path) -> None:
    if page.name == "contract-map.md":
        return
    for line in re.findall(r"`make ([^`]+)`", _prose(page)):
        assert set(_targets(line.split())) <= _make_targets(), line


def _targets(words: list[str]) -> Iterator[str]:
    return (word for word in words if "=" not in word)


def _asked(arguments: list[str]) -> tuple[str, str]:
    """Return method and route of a curl command; an id in the path becomes the route's parameter."""
    method = arguments[arguments.index("-X") + 1] if "-X" in arguments else "GET"
    [address] = [word for word in arguments if word.startswith("http://127.0.0.1:8000")]
    path = address.removeprefix("http://127.0.0.1:8000").split("?")[0]
    return method, re.sub(r"^/api/customers/[^/]+$", "/api/customers/{customer_id}", path)


def _check_command(arguments: list[str]) -> None:
    """Follow a command's words through the groups to its options and arguments, without running it."""
    command: Any = get_command(command_line)
    words = list(arguments)
    while words:
        options = {name: p for p in command.params for name in p.opts if p.param_type_name == "option"}
        while words and words[0].startswith("-") and words[0] != "--help":
            option = options[words.pop(0)]
            assert option.is_flag or words.pop(0), arguments
        inside = getattr(command, "commands", {})
        if not inside:
            break
        if words:
            command = inside[words.pop(0)]
    _check_arguments(command, words, arguments)


def _check_arguments(command: Any, words: list[str], whole: list[str]) -> None:
    options = {name: p for p in command.params for name in p.opts if p.param_type_name == "option"}
    taken = [p for p in command.params if p.param_type_name == "argument"]
    given = []
    while words:
        word = words.pop(0)
        if word == "--help":
            return
        if word in options or word.startswith("--"):
            assert options[word].is_flag or words.pop(0), whole
        else:
            given.append(word)
    assert sum(p.required for p in taken) <= len(given) <= len(taken), f"{whole}: {given}"


@pytest.mark.unit
@pytest.mark.parametrize(
    "text", ["query --metric x", "load", "biuld", "builds prune --kep 3", "rollback a b", "up --from"]
)
def test_a_command_that_does_not_exist_is_found(text: str) -> None:
    with pytest.raises((KeyError, AssertionError, IndexError)):
        _check_command(text.split())


@pytest.mark.unit
def test_the_readme_says_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {"make up", "make test"} <= {" ".join(words[:2]) for words in _commands(ROOT / "README.md")}
    assert "docs/status.md" in text


# Commands named by messages of the code


def _messages() -> Iterator[tuple[str, str]]:
    """Yield place and text of every string of the package; what an f-string fills in is shown as …"""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values]
                yield f"{_name(path)}:{node.lineno}", "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{_name(path)}:{node.lineno}", node.value


def _wrong_commands() -> list[str]:
    root: Any = get_command(command_line)
    wrong = []
    for place, text in _messages():
        for words in re.findall(r"customer360 ([a-z]+(?: [^\s,;:()]+)*)", text):
            command, options = root.commands.get(words.split()[0]), re.findall(r"(?<!\S)(--[a-z-]+)", words)
            if command is None:
                continue
            inside = getattr(command, "commands", {})
            second = words.split()[1:2]
            if second and second[0] in inside:
                command = inside[second[0]]
            elif inside and second == ["…"]:
                wrong.append(f"{place}: customer360 {words}")
            known = {name for parameter in command.params for name in parameter.opts}
            wrong += [f"{place}: customer360 {words}" for option in options if option not in known]
    return sorted(set(wrong))


@pytest.mark.unit
def test_commands_that_messages_name_exist() -> None:
    assert _wrong_commands() == []


# The map of the contract


def _map_rows() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "contract-map.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", text, re.MULTILINE)
    return [row for row in rows if row[0] not in ("there", "---")]


@pytest.mark.unit
@pytest.mark.contract("X.27")
@pytest.mark.parametrize(("there", "here"), _map_rows())
def test_what_the_contract_names_is_mapped_to_something_that_exists(
    there: str, here: str, routes: set[tuple[str, str]]
) -> None:
    targets = re.findall(r"`([^`]+)`", here)
    assert targets or LATER.search(here), f"{there}: name a target, or the work it comes with"
    for target in targets:
        _check_target(target, routes)


def _check_target(target: str, routes: set[tuple[str, str]]) -> None:
    kind, _, rest = target.partition(" ")
    if kind == "customer360":
        _check_command([*rest.split(), *(["bank", "--from", "x"] if rest == "load" else [])])
    elif kind == "make":
        assert rest in _make_targets(), target
    elif kind in ("GET", "POST"):
        assert (kind, rest) in routes, target
    elif re.fullmatch(r"[A-Z][A-Z0-9_]+", target) and not (ROOT / target).exists():
        assert target in VARIABLES, target
    else:
        assert (ROOT / target).exists(), target
        assert target.endswith("/") == (ROOT / target).is_dir(), target


@pytest.mark.unit
@pytest.mark.parametrize("target", ["customer360 biuld", "make deploy", "GET /nowhere", "NO_SUCH_SETTING", "src/x.py"])
def test_a_target_that_does_not_exist_is_found(target: str, routes: set[tuple[str, str]]) -> None:
    with pytest.raises((KeyError, AssertionError)):
        _check_target(target, routes)


# Decisions and the licence


@pytest.mark.unit
@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "decisions").glob("0*.md")), ids=_name)
def test_a_decision_has_its_parts_and_is_listed(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert parts == ["Context", "Decision", "Consequences", "Alternatives", "Enforced by"]
    assert text.startswith(f"# {record.name[:4]}. ")
    assert f"]({record.name})" in (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 50


@pytest.mark.unit
@pytest.mark.contract("X.28")
@pytest.mark.contract("S2.70")
def test_the_licence_is_mit_wherever_it_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])


@pytest.mark.unit
def test_telemetry_is_off_in_the_three_places_that_decide_it() -> None:
    from customer360.build.dbt import UNWATCHED
    from customer360.ui import command

    assert UNWATCHED["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert "send_anonymous_usage_stats: false" in (ROOT / "transform" / "dbt_project.yml").read_text(encoding="utf-8")
    assert "--browser.gatherUsageStats=false" in command("127.0.0.1", 8501)


# The worked examples


def _write_files(page: Path, folder: Path) -> None:
    """Write the files that a page shows."""
    for block in _blocks(page):
        if block.info.startswith("file="):
            file = folder / block.info.removeprefix("file=")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run the worked example of docs/datasets.md as a reader would, and return what its last command prints."""
    folder = tmp_path_factory.mktemp("example")
    blocks = _blocks(ROOT / "docs" / "datasets.md")
    _write_files(ROOT / "docs" / "datasets.md", folder)
    [script] = [block.text for block in blocks if block.info == "run=shop"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "CUSTOMER360_HOME": str(folder / "home")}
    *before, last = script.splitlines()
    for line in before:
        subprocess.run(shlex.split(line), cwd=folder, env=environment, check=True, timeout=300)
    answer = subprocess.run(
        shlex.split(last), cwd=folder, env=environment, check=True, capture_output=True, timeout=300
    )
    return answer.stdout.decode()


@pytest.mark.integration
def test_the_worked_example_gives_what_the_page_shows(example: str) -> None:
    [shown] = [block.text for block in _blocks(ROOT / "docs" / "datasets.md") if block.info == "output=shop"]
    assert example == shown


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Do what docs/api-sources.md says about a source of one's own, twice, and return what is printed."""
    folder = tmp_path_factory.mktemp("crm")
    page = ROOT / "docs" / "api-sources.md"
    _write_files(page, folder)
    [command] = [block.text for block in _blocks(page) if block.info == "run=crm"]
    named = "http://127.0.0.1:8111"
    environment = os.environ | {"CUSTOMER360_HOME": str(folder / "home"), "COLUMNS": "120"}
    with running(DemoSettings(trouble=QUIET)) as api:
        words = shlex.split(command.replace(named, api.address))
        words[0] = str(Path(sys.executable).with_name("customer360"))
        printed = [
            subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True, timeout=300).stdout
            for _ in range(2)
        ]
        return [text.decode().replace(api.address, named) for text in printed]


@pytest.mark.integration
def test_a_source_of_ones_own_prints_what_the_page_shows(crm: list[str]) -> None:
    blocks = _blocks(ROOT / "docs" / "api-sources.md")
    on_a_terminal = [re.sub(r"^Fetching: .*\n", "", text, flags=re.MULTILINE) for text in crm]
    assert on_a_terminal == [block.text for block in blocks if block.info.startswith("output=crm")]


@pytest.mark.unit
def test_every_key_of_a_source_is_explained() -> None:
    text = (ROOT / "docs" / "api-sources.md").read_text(encoding="utf-8")
    keys = [*ApiSource.model_fields, *Endpoint.model_fields, *Incremental.model_fields, *FieldRule.model_fields]
    assert [key for key in keys if not re.search(rf"^\| .*\b{key}\b.*", text, re.MULTILINE)] == []


@pytest.mark.integration
def test_the_readme_shows_what_the_command_prints(online_retail_home: Path) -> None:
    [shown] = [block.text for block in _blocks(ROOT / "README.md") if block.info == "output=online_retail"]
    [arguments] = [words[1:] for words in _commands(ROOT / "README.md") if "query" in words]
    program = Path(sys.executable).with_name("customer360")
    command = [str(program), "--home", str(online_retail_home), *arguments]
    printed = subprocess.run(command, check=True, capture_output=True, timeout=300).stdout.decode()
    assert printed.startswith(shown)


@pytest.mark.unit
def test_every_key_of_a_dataset_is_explained() -> None:
    from customer360.ingest import Dataset
    from customer360.ingest.datasets import SourceSpec

    text = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    keys = [*Dataset.model_fields, *SourceSpec.model_fields]
    assert [key for key in keys if not re.search(rf"^\| .*`{key}`.* \| ", text, re.MULTILINE)] == []
