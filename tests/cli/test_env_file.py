"""Writing .env: read back as given, private from the first byte, everything else as it was."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from customer360.cli.env_file import with_values, write_env
from customer360.errors import Conflict, InvalidInput
from customer360.settings import SnowflakeSettings, load

pytestmark = [pytest.mark.unit, pytest.mark.contract("S1.49")]

NAME = "SNOWFLAKE_PASSWORD"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "password",
    [
        "a#b",
        "a #b",
        "it's",
        'say "x"',
        "$HOME",
        "${HOME}",
        "${HOME:-x}",
        "$${a}}{",
        "  blanks  ",
        "back\\slash",
        "end\\",
        "\\'",
        "\\n",
        "'",
        '"',
        "`id`",
        "a=b",
        "§wörd€😀",
        "tab\there",
        "export X",
        "#",
    ],
)
def test_a_password_is_read_back_as_it_was_given(
    password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_env(Path(".env"), {NAME: password})
    assert load(SnowflakeSettings).password.get_secret_value() == password
    write_env(Path(".env"), {NAME: "other"})
    write_env(Path(".env"), {NAME: password})
    assert load(SnowflakeSettings).password.get_secret_value() == password


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))))
def test_any_line_of_text_is_read_back(value: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ".env"
        write_env(path, {NAME: value, "SNOWFLAKE_USER": "JANE"})
        read = dotenv_values(path)
    assert (read.get(NAME, ""), read["SNOWFLAKE_USER"]) == (value, "JANE")


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "nul\0", "\x1b[0m", "a\x85b", "a\u2028b", "half \ud800"])
def test_what_no_line_can_hold_is_refused_and_not_shown(value: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=NAME) as refused:
        write_env(tmp_path / ".env", {NAME: value})
    assert value not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


BEFORE = """# my settings
APP_NAME="My API"   # shown at /

export SNOWFLAKE_USER=jane # the person
SNOWFLAKE_ACCOUNT = 'old'   # as in the address
snowflake_role="R"
OTHER='two
lines'
SNOWFLAKE_TOKEN=secret-of-before
LAST=1"""
AFTER = """# my settings
APP_NAME="My API"   # shown at /

export SNOWFLAKE_USER='jane doe' # the person
SNOWFLAKE_ACCOUNT = new   # as in the address
snowflake_role=S
OTHER='two
lines'
SNOWFLAKE_TOKEN=
LAST=1
SNOWFLAKE_WAREHOUSE=WH
"""
CHANGES = {
    "SNOWFLAKE_USER": "jane doe",
    "SNOWFLAKE_ACCOUNT": "new",
    "SNOWFLAKE_ROLE": "S",
    "SNOWFLAKE_TOKEN": "",
    "SNOWFLAKE_PASSCODE": "",
    "SNOWFLAKE_WAREHOUSE": "WH",
}


def test_values_change_in_place_and_all_else_stays() -> None:
    assert with_values(BEFORE, CHANGES) == AFTER
    assert with_values(AFTER, CHANGES) == AFTER
    assert with_values(BEFORE.replace("\n", "\r\n"), CHANGES) == AFTER.replace("\n", "\r\n")


def test_a_value_that_stays_keeps_its_line_as_it_is_written() -> None:
    text = 'SNOWFLAKE_USER="jane"  # me\nSNOWFLAKE_ROLE\n'
    assert with_values(text, {"SNOWFLAKE_USER": "jane", "SNOWFLAKE_ROLE": ""}) == text


def test_a_name_without_a_value_gets_one() -> None:
    assert with_values("SNOWFLAKE_ROLE\nX=1\n", {"SNOWFLAKE_ROLE": "R"}) == "SNOWFLAKE_ROLE=R\nX=1\n"


def test_every_line_of_a_name_changes_so_that_no_old_secret_stays() -> None:
    assert with_values(f"{NAME}=old\n{NAME}=older\n", {NAME: "new"}) == f"{NAME}=new\n{NAME}=new\n"


def test_a_quote_that_is_never_closed_is_named_instead_of_swallowing_values(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A='open\n")
    with pytest.raises(InvalidInput, match="would not be read back"):
        write_env(path, {"SNOWFLAKE_USER": "it's"})
    assert path.read_text() == "A='open\n"


def test_the_file_is_private_before_it_has_a_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def watched(path: Path, target: Path) -> None:
        seen.append(mode(path))
        raise KeyboardInterrupt

    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(0o600)
    made = tempfile.mkstemp

    def made_privately(*, prefix: str, dir: Path) -> tuple[int, str]:
        handle, name = made(prefix=prefix, dir=dir)
        seen.append(mode(Path(name)))
        return handle, name

    monkeypatch.setattr(tempfile, "mkstemp", made_privately)
    monkeypatch.setattr(Path, "replace", watched)
    with pytest.raises(KeyboardInterrupt):
        write_env(path, {NAME: "secret"})
    assert seen == [0o600, 0o600]
    assert [file.name for file in tmp_path.iterdir()] == [".env"]
    assert path.read_text() == "A=1\n"


@pytest.mark.parametrize("loose", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_tightened_and_it_says_so(loose: int, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(f"{NAME}=same\n")
    path.chmod(loose)
    [note] = write_env(path, {NAME: "same"})
    assert f"mode {loose:04o}" in note
    assert mode(path) == 0o600
    assert write_env(path, {NAME: "same"}) == []


@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_link_is_not_written_through(target: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("A=1\n")
    path = tmp_path / ".env"
    path.symlink_to(target)
    with pytest.raises(Conflict, match="link"):
        write_env(path, {NAME: "x"})
    assert (tmp_path / "there").read_text() == "A=1\n"
    assert path.is_symlink()


def test_a_folder_and_a_file_that_is_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Conflict, match="not a file"):
        write_env(tmp_path / "folder", {NAME: "x"})
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00A")
    with pytest.raises(InvalidInput, match="UTF-8"):
        write_env(tmp_path / ".env", {NAME: "x"})
