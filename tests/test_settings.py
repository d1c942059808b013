"""Settings: one source of names and defaults, a fixed precedence, and faults that name variable and value."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from customer360 import settings
from customer360.errors import InvalidSetting
from customer360.settings import (
    CONCERNS,
    AlertSettings,
    AppSettings,
    QuerySettings,
    ResourceSettings,
    SnowflakeSettings,
    WorkspaceSettings,
    env_template,
    load,
    memory_limit,
    project_files,
)

pytestmark = pytest.mark.unit

ALIASES = {field.alias: field for concern in CONCERNS for field in concern.model_fields.values()}
FIELDS = [name.upper() for concern in CONCERNS for name in concern.model_fields]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable, no .env, no config.toml, unless a test gives them."""
    for alias in [*ALIASES, *FIELDS]:
        monkeypatch.delenv(str(alias), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.contract("X.14")
def test_the_defaults_need_nothing_but_this_machine() -> None:
    app, home = load(AppSettings), load(WorkspaceSettings)
    assert (app.host, app.port, app.ui_port, app.is_loopback) == ("127.0.0.1", 8000, 8501, True)
    assert (home.engine, home.home) == ("duckdb", Path(".customer360"))


@pytest.mark.contract("S1.46")
@pytest.mark.contract("S1.48")
def test_the_contract_names_its_variables_and_defaults() -> None:
    app, queries = load(AppSettings), load(QuerySettings)
    assert (app.name, app.version, app.debug, app.port) == ("Customer Analytics API", "0.1.0", False, 8000)
    assert (queries.timeout_seconds, queries.pool_size, queries.cache_seconds) == (300, 10, 3600)


def test_flag_wins_over_environment_over_dotenv_over_config_over_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = [load(AppSettings).port]
    (tmp_path / ".customer360").mkdir()
    (tmp_path / ".customer360" / "config.toml").write_text("PORT = 8001\n")
    found.append(load(AppSettings).port)
    (tmp_path / ".env").write_text("PORT=8002\n")
    found.append(load(AppSettings).port)
    monkeypatch.setenv("PORT", "8003")
    found.append(load(AppSettings).port)
    found.append(load(AppSettings, port=8004).port)
    assert found == [8000, 8001, 8002, 8003, 8004]


def test_a_flag_that_was_not_given_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8003")
    assert load(AppSettings, port=None).port == 8003


def test_config_toml_is_read_from_the_workspace_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    (home / "config.toml").write_text("CUSTOMER360_KEEP_BUILDS = 9\n")
    monkeypatch.setenv("CUSTOMER360_HOME", str(home))
    assert load(WorkspaceSettings).keep_builds == 9


@pytest.mark.parametrize(
    ("variable", "concern", "field"),
    [("HOME", WorkspaceSettings, "home"), ("USER", SnowflakeSettings, "user"), ("NAME", AppSettings, "name")],
)
def test_only_documented_variables_count(
    monkeypatch: pytest.MonkeyPatch, variable: str, concern: type[AppSettings], field: str
) -> None:
    without = load(concern)
    monkeypatch.setenv(variable, "somebody")
    assert getattr(load(concern), field) == getattr(without, field)


@pytest.mark.parametrize("given_by", ["flag", ".env"])
def test_config_toml_is_read_from_the_workspace_that_a_flag_or_dotenv_names(given_by: str, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    (home / "config.toml").write_text("CUSTOMER360_KEEP_BUILDS = 9\n")
    if given_by == ".env":
        (tmp_path / ".env").write_text(f"CUSTOMER360_HOME={home}\n")
    found = load(WorkspaceSettings, home=home if given_by == "flag" else None)
    assert (found.home, found.keep_builds) == (home, 9)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "80800"),
        ("PORT", "http"),
        ("UI_PORT", "0"),
        ("APP_NAME", "  "),
        ("DEBUG", "perhaps"),
        ("CUSTOMER360_ENGINE", "oracle"),
        ("CUSTOMER360_KEEP_BUILDS", "0"),
        ("QUERY_TIMEOUT", "-1"),
        ("QUERY_TIMEOUT", "nan"),
        ("CONNECTION_POOL_SIZE", "0"),
        ("CACHE_TTL", "-1"),
        ("CUSTOMER360_SERVE_THREADS", "many"),
        ("CUSTOMER360_SERVE_MEMORY", "lots"),
        ("CUSTOMER360_BUILD_MEMORY", "150%"),
        ("CUSTOMER360_BUILD_NICE", "20"),
        ("CUSTOMER360_ALERT_TIMEOUT", "0"),
        ("SNOWFLAKE_ACCOUNT", "https://app.snowflake.com/organisation/account"),
        ("SNOWFLAKE_AUTHENTICATOR", "oath"),
        ("SNOWFLAKE_HOST", "http://127.0.0.1:8080"),
        ("SNOWFLAKE_PORT", "65536"),
        ("SNOWFLAKE_PROTOCOL", "ftp"),
        ("SNOWFLAKE_PROTOCOL", "http"),
        ("SNOWFLAKE_LOGIN_TIMEOUT", "0"),
        ("SNOWFLAKE_NETWORK_TIMEOUT", "soon"),
    ],
)
@pytest.mark.contract("S1.44")
def test_a_bad_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    concern = next(c for c in CONCERNS if variable in {field.alias for field in c.model_fields.values()})
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSetting) as refused:
        load(concern)
    assert refused.value.exit_code == 2
    assert str(refused.value).startswith(f"{variable}={value!r} does not fit: ")
    assert ".env.template" in refused.value.next_action


def test_every_fault_of_a_concern_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "0")
    monkeypatch.setenv("UI_PORT", "0")
    with pytest.raises(InvalidSetting) as refused:
        load(AppSettings)
    assert [detail["field"] for detail in refused.value.details] == ["PORT", "UI_PORT"]


@pytest.mark.contract("S1.45")
@given(secret=st.text(st.characters(categories=["L", "N", "P"]), min_size=4, max_size=40))
def test_a_password_shows_nowhere(secret: str) -> None:
    found = load(SnowflakeSettings, password=SecretStr(f"§{secret}"))
    shown = [repr(found), str(found), repr(found.model_dump()), found.model_dump_json(), repr(found.password)]
    assert not any(f"§{secret}" in text for text in shown)
    assert found.password.get_secret_value() == f"§{secret}"


@pytest.mark.contract("S1.45")
def test_a_password_that_does_not_fit_is_not_repeated() -> None:
    with pytest.raises(InvalidSetting) as refused:
        load(SnowflakeSettings, password=["hunter22"])
    assert "hunter22" not in str(refused.value.as_dict())


@pytest.mark.contract("S1.45")
@pytest.mark.parametrize("address", ["ftp://example.org/hunter22", "hunter22", "http://[hunter22", "http://a:hunter22"])
def test_a_webhook_that_is_no_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(InvalidSetting, match="CUSTOMER360_ALERT_WEBHOOK") as refused:
        load(AlertSettings, webhook=SecretStr(address))
    assert "hunter22" not in str(refused.value.as_dict())


def test_a_webhook_is_an_address_without_spaces_around_it() -> None:
    assert load(AlertSettings, webhook=SecretStr(" https://example.org/hook?key=1\n")).webhook.get_secret_value() == (
        "https://example.org/hook?key=1"
    )


@pytest.mark.contract("S1.47")
@pytest.mark.parametrize(
    "account",
    [
        "ab12345.eu-west-1",
        "https://ab12345.eu-west-1.snowflakecomputing.com/",
        " ab12345.eu-west-1.snowflakecomputing.com",
    ],
)
def test_an_account_is_one_account_however_it_is_written(account: str) -> None:
    assert load(SnowflakeSettings, account=account).account == "ab12345.eu-west-1"


@pytest.mark.contract("S1.42")
@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("ab12345.snowflakecomputing.com", False),
    ],
)
def test_plain_http_only_reaches_this_machine(host: str, is_allowed: bool) -> None:
    if is_allowed:
        assert load(SnowflakeSettings, host=host, protocol="http").protocol == "http"
        return
    with pytest.raises(InvalidSetting, match=r"SNOWFLAKE_PROTOCOL='http' does not fit: .*not encrypted"):
        load(SnowflakeSettings, host=host, protocol="http")


@pytest.mark.parametrize("text", ["OAuth", " oauth "])
def test_a_way_to_sign_in_may_be_written_in_any_case(text: str) -> None:
    assert load(SnowflakeSettings, authenticator=text).authenticator == "oauth"


@pytest.mark.contract("S1.51")
def test_the_template_names_every_setting_with_its_default_and_nothing_else() -> None:
    assert re.findall(r"^(\w+)=", env_template(), re.MULTILINE) == list(ALIASES)
    assert all(field.description for field in ALIASES.values())


@pytest.mark.contract("S1.51")
def test_the_template_as_it_is_gives_the_defaults(tmp_path: Path) -> None:
    without = [load(concern) for concern in CONCERNS]
    (tmp_path / ".env").write_text(env_template(), encoding="utf-8")
    assert [load(concern) for concern in CONCERNS] == without


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("db", False)],
)
def test_loopback_is_told_from_the_network(host: str, is_loopback: bool) -> None:
    assert load(AppSettings, host=host).is_loopback is is_loopback


@pytest.mark.parametrize("text", ["4GB", "512MiB", "1.5GB", " 2 GiB "])
def test_an_amount_of_memory_passes_through(text: str) -> None:
    assert memory_limit(text) == text.strip()


@given(share=st.integers(1, 100))
def test_a_share_of_memory_is_that_share_of_this_machine(share: int) -> None:
    whole = int(memory_limit("100%").removesuffix("MiB"))
    assert abs(int(memory_limit(f"{share}%").removesuffix("MiB")) - whole * share / 100) <= 1


@pytest.mark.parametrize("text", ["", "4", "%", "0%", "101%", "-5%", "nan%", "GB", "four GB", "4 bananas"])
def test_memory_that_is_neither_share_nor_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        memory_limit(text)


def test_settings_cannot_be_changed_after_they_were_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(ResourceSettings).build_nice = 0


@pytest.mark.parametrize("name", ["transform", "datasets", "semantic"])
def test_project_files_are_found_in_a_checkout(name: str) -> None:
    assert any(project_files(name).iterdir())


def test_project_files_of_a_wheel_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "_project" / "semantic").mkdir(parents=True)
    monkeypatch.setattr(settings, "__file__", str(tmp_path / "settings.py"))
    assert project_files("semantic") == tmp_path / "_project" / "semantic"


@pytest.mark.parametrize("host", ["", "account.snowflakecomputing.com", "10.0.0.1"])
def test_a_password_leaves_this_machine_encrypted(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("SNOWFLAKE_PROTOCOL", "http")
    with pytest.raises(InvalidSetting, match="SNOWFLAKE_PROTOCOL"):
        load(SnowflakeSettings, host=host)
    assert load(SnowflakeSettings, host="127.0.0.1").protocol == "http"
