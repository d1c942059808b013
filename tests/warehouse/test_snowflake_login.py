"""Signing in: the settings decide how, what contradicts is refused by name, and no secret is ever shown."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any
from unittest import mock

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from customer360.errors import AccessRefused, InvalidSetting, Unavailable
from customer360.settings import AUTHENTICATORS, SnowflakeSettings, load
from customer360.warehouse.snowflake import SnowflakeWarehouse
from customer360.warehouse.snowflake_login import CREDENTIALS, connect_arguments, method_of
from tests.servers.snowflake_tls import self_signed
from tests.servers.snowflake_wire import BROWSER, LOGIN, Answer, Request, Wire, refuses, says
from tests.warehouse.conftest import PASSWORD, Connect, settings_for

pytestmark = pytest.mark.integration

PASSPHRASE = "correct-horse-§"
TOKEN = "eyJ-a-token-of-some-length"
NO_PASSWORD = {"password": SecretStr("")}
PERSON = {"account": "ab12345", "user": "JANE"}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def write_key(path: Path, key: Key, passphrase: str = "") -> str:
    """Write a private key as OpenSSL does, and return its path."""
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection))
    return str(path)


def signed_in(wire: Wire, connect: Connect, **given: Any) -> dict[str, Any]:
    """Sign in and return what the sign-in carried."""
    connect(wire, **given).ping()
    [login] = wire.asked(LOGIN)
    found: dict[str, Any] = login.body["data"]
    return found


# Each method, as Snowflake receives it


@pytest.mark.contract("S1.41")
def test_a_password_signs_in(wire: Wire, connect: Connect) -> None:
    data = signed_in(wire, connect)
    assert (data["LOGIN_NAME"], data["PASSWORD"], data.get("AUTHENTICATOR")) == ("JANE", PASSWORD, None)


@pytest.mark.contract("S1.41")
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE], ids=["plain", "encrypted"])
def test_a_key_pair_signs_in_with_a_token_signed_by_the_key(
    wire: Wire, connect: Connect, key: rsa.RSAPrivateKey, tmp_path: Path, passphrase: str
) -> None:
    path = write_key(tmp_path / "key.p8", key, passphrase)
    data = signed_in(wire, connect, **NO_PASSWORD, private_key_path=path, private_key_passphrase=SecretStr(passphrase))
    assert (data["AUTHENTICATOR"], data.get("PASSWORD")) == ("SNOWFLAKE_JWT", None)
    claims = jwt.decode(data["TOKEN"], key.public_key(), algorithms=["RS256"])
    assert claims["sub"] == "AB12345.JANE"
    assert claims["iss"].startswith("AB12345.JANE.SHA256:")


@pytest.mark.contract("S1.41")
def test_an_elliptic_key_signs_in_too(wire: Wire, connect: Connect, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    data = signed_in(wire, connect, **NO_PASSWORD, private_key_path=write_key(tmp_path / "key.p8", key))
    assert jwt.decode(data["TOKEN"], key.public_key(), algorithms=["ES256"])["sub"] == "AB12345.JANE"


@pytest.mark.contract("S1.41")
@pytest.mark.parametrize("method", ["oauth", "programmatic_access_token"])
@pytest.mark.parametrize("given_by", ["variable", "file"])
def test_a_token_signs_in(wire: Wire, connect: Connect, tmp_path: Path, method: str, given_by: str) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    token: dict[str, Any] = (
        {"token": SecretStr(TOKEN)} if given_by == "variable" else {"token_file_path": str(tmp_path / "token")}
    )
    data = signed_in(wire, connect, **NO_PASSWORD, authenticator=method, **token)
    assert (data["AUTHENTICATOR"], data["TOKEN"], data.get("PASSWORD")) == (method.upper(), TOKEN, None)


def test_a_token_file_is_read_anew_for_every_session(wire: Wire, connect: Connect, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first", encoding="utf-8")
    warehouse = connect(wire, **NO_PASSWORD, authenticator="oauth", token_file_path=str(file))
    held = warehouse.stream("select 1 as x")
    file.write_text("second", encoding="utf-8")
    warehouse.query("select 1 as x")
    assert [request.body["data"]["TOKEN"] for request in wire.asked(LOGIN)] == ["first", "second"]
    held.close()


@pytest.mark.contract("S1.41")
def test_a_password_with_a_second_factor_signs_in_and_lets_the_token_be_kept(wire: Wire, connect: Connect) -> None:
    data = signed_in(wire, connect, passcode=SecretStr("123456"))
    assert (data["PASSWORD"], data["PASSCODE"], data["EXT_AUTHN_DUO_METHOD"]) == (PASSWORD, "123456", "passcode")
    assert data["SESSION_PARAMETERS"]["CLIENT_REQUEST_MFA_TOKEN"] is True


@pytest.mark.contract("S1.41")
def test_a_browser_signs_in(wire: Wire, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def sends_to_the_identity_provider(request: Request) -> Answer:
        port = request.body["data"]["BROWSER_MODE_REDIRECT_PORT"]
        data = {"ssoUrl": f"http://localhost:{port}/?token={TOKEN}", "proofKey": "proof"}
        return says({"data": data, "code": None, "message": None, "success": True})

    def browser(url: str) -> bool:
        threading.Thread(target=lambda: urllib.request.urlopen(url).close(), daemon=True).start()
        return True

    wire.always[BROWSER] = sends_to_the_identity_provider
    monkeypatch.setattr("webbrowser.open_new", browser)
    data = signed_in(wire, connect, **NO_PASSWORD, authenticator="externalbrowser")
    assert (data["AUTHENTICATOR"], data["TOKEN"], data["PROOF_KEY"]) == ("EXTERNALBROWSER", TOKEN, "proof")


# A connection of the person's own file


def connections(wire: Wire, **more: str) -> str:
    """Return the text of a connections.toml with one connection, ``work``, that reaches the wire."""
    named = {"account": "xy98765", "user": "joe", "password": PASSWORD, "host": "127.0.0.1", "protocol": "http"} | more
    return "[work]\n" + "".join(f'{key} = "{value}"\n' for key, value in named.items()) + f"port = {wire.port}\n"


@pytest.mark.contract("S1.41")
@pytest.mark.parametrize("variable", ["connection_name", "default_connection_name"])
def test_a_named_connection_signs_in_and_the_place_given_here_wins(
    wire: Wire, connect: Connect, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", connections(wire, role="PUBLIC", warehouse="SMALL"))
    nobody = {"account": "", "user": "", "host": "", "protocol": "https", "warehouse": "", **NO_PASSWORD}
    data = signed_in(wire, connect, **nobody, **{variable: "work"})
    query = wire.asked(LOGIN)[0].query
    assert (data["ACCOUNT_NAME"], data["LOGIN_NAME"], data["PASSWORD"]) == ("xy98765", "joe", PASSWORD)
    assert (query["roleName"], query["warehouse"]) == ("ANALYST", "SMALL")
    assert data["SESSION_PARAMETERS"]["QUERY_TAG"] == "customer360"


def test_the_default_connection_is_not_used_where_an_account_is_given() -> None:
    settings = load(SnowflakeSettings, **PERSON, password=SecretStr(PASSWORD), default_connection_name="work")
    assert connect_arguments(settings)["account"] == "ab12345"


def test_a_connection_that_is_in_no_file_is_named_with_those_that_are(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", connections(wire))
    with pytest.raises(InvalidSetting, match="SNOWFLAKE_CONNECTION_NAME='wrok'") as refused:
        connect_arguments(load(SnowflakeSettings, connection_name="wrok"))
    assert refused.value.next_action == "Did you mean 'work'?"


@pytest.mark.parametrize(
    ("given", "variable"),
    [({"account": "a"}, "ACCOUNT"), ({"user": "u"}, "USER"), ({"password": SecretStr("p")}, "PASSWORD")],
)
def test_a_named_connection_and_a_person_contradict_each_other(given: dict[str, Any], variable: str) -> None:
    with pytest.raises(InvalidSetting, match=f"contradicts SNOWFLAKE_{variable}: the named connection"):
        connect_arguments(load(SnowflakeSettings, connection_name="work", **given))


@pytest.mark.contract("S1.42")
def test_a_named_connection_may_not_leave_this_machine_in_plain_text(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", connections(wire, host="snow.example.com"))
    with pytest.raises(InvalidSetting, match="asks for http, which is not encrypted"):
        connect_arguments(load(SnowflakeSettings, connection_name="work"))


def test_a_named_connection_that_the_connector_cannot_use_is_told_apart(
    wire: Wire, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"authenticator": "snowflake_jwt", "private_key_file": "/nowhere/key.p8"}
    monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", connections(wire, **more))
    nobody = {"account": "", "user": "", "host": "", "protocol": "https", **NO_PASSWORD}
    with pytest.raises(InvalidSetting, match=r"/nowhere/key\.p8") as refused:
        connect(wire, **nobody, connection_name="work").ping()
    assert "connections.toml" in refused.value.next_action


def test_the_file_is_found_where_the_connector_finds_it(tmp_path: Path) -> None:
    file = tmp_path / "connections.toml"
    file.write_text('[work]\naccount = "xy98765"\nuser = "joe"\npassword = "p"\n', encoding="utf-8")
    file.chmod(0o600)
    program = (
        "from customer360.settings import SnowflakeSettings, load\n"
        "from customer360.warehouse.snowflake_login import connect_arguments\n"
        "print(connect_arguments(load(SnowflakeSettings))['account'])"
    )
    environment = os.environ | {"SNOWFLAKE_HOME": str(tmp_path), "SNOWFLAKE_CONNECTION_NAME": "work"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "xy98765\n"


# What is refused before anything is sent


@pytest.mark.contract("S1.44")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Nothing says how to sign in"),
        ({"password": "p", "private_key_path": "k"}, "SNOWFLAKE_PASSWORD and SNOWFLAKE_PRIVATE_KEY_PATH contradict"),
        ({"password": "p", "token": "t"}, "SNOWFLAKE_PASSWORD and SNOWFLAKE_TOKEN contradict"),
        ({"token": "t"}, "SNOWFLAKE_AUTHENTICATOR does not say what the token is"),
        ({"authenticator": "oauth"}, "by oauth needs SNOWFLAKE_TOKEN or SNOWFLAKE_TOKEN_FILE_PATH"),
        ({"authenticator": "snowflake_jwt"}, "needs SNOWFLAKE_PRIVATE_KEY_PATH"),
        ({"authenticator": "username_password_mfa"}, "needs SNOWFLAKE_PASSWORD"),
        (
            {"authenticator": "oauth", "token": "t", "password": "p"},
            "SNOWFLAKE_PASSWORD contradicts signing in by oauth",
        ),
        ({"authenticator": "externalbrowser", "password": "p"}, "SNOWFLAKE_PASSWORD contradicts"),
        ({"password": "p", "private_key_passphrase": "x"}, "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE contradicts"),
        ({"authenticator": "oauth", "token": "t", "token_file_path": "f"}, "contradict each other"),
    ],
)
def test_what_contradicts_or_lacks_is_refused_by_name(given: dict[str, str], message: str) -> None:
    secret = {
        name: SecretStr(v) if name in {"password", "token"} or "phrase" in name else v for name, v in given.items()
    }
    with pytest.raises(InvalidSetting, match=message) as refused:
        connect_arguments(load(SnowflakeSettings, **PERSON, **secret))
    assert (refused.value.exit_code, bool(refused.value.next_action)) == (2, True)
    assert all(detail["field"].startswith("SNOWFLAKE_") for detail in refused.value.details)


@pytest.mark.contract("S1.44")
def test_who_is_missing_is_named_at_once() -> None:
    with pytest.raises(InvalidSetting, match="SNOWFLAKE_ACCOUNT and SNOWFLAKE_USER must be set"):
        connect_arguments(load(SnowflakeSettings, password=SecretStr("p")))


def test_a_token_says_itself_who_signs_in() -> None:
    arguments = connect_arguments(
        load(SnowflakeSettings, account="ab12345", authenticator="oauth", token=SecretStr(TOKEN))
    )
    assert (arguments["user"], arguments["token"]) == ("", TOKEN)


@pytest.mark.contract("S1.41")
@pytest.mark.parametrize(
    ("case", "variable", "says_so"),
    [
        ("missing", "SNOWFLAKE_PRIVATE_KEY_PATH", "No such file"),
        ("folder", "SNOWFLAKE_PRIVATE_KEY_PATH", "Is a directory"),
        ("rubbish", "SNOWFLAKE_PRIVATE_KEY_PATH", "does not name a private key in PEM form"),
        ("public", "SNOWFLAKE_PRIVATE_KEY_PATH", "holds a public key"),
        ("other kind", "SNOWFLAKE_PRIVATE_KEY_PATH", "neither an RSA nor an ECDSA key"),
        ("wrong passphrase", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "does not open"),
        ("no passphrase", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "is missing, and the key in"),
        ("needless passphrase", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "is not encrypted"),
    ],
)
def test_a_key_that_cannot_be_used_names_the_variable_to_correct(
    key: rsa.RSAPrivateKey, tmp_path: Path, case: str, variable: str, says_so: str
) -> None:
    path, passphrase = tmp_path / "key.p8", ""
    match case:
        case "folder":
            path.mkdir()
        case "rubbish":
            path.write_text("not a key", encoding="utf-8")
        case "public":
            public = key.public_key()
            path.write_bytes(
                public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            )
        case "other kind":
            write_key(path, ed25519.Ed25519PrivateKey.generate())
        case "wrong passphrase":
            write_key(path, key, PASSPHRASE)
            passphrase = "another one"
        case "no passphrase":
            write_key(path, key, PASSPHRASE)
        case "needless passphrase":
            write_key(path, key)
            passphrase = PASSPHRASE
    settings = load(
        SnowflakeSettings, **PERSON, private_key_path=str(path), private_key_passphrase=SecretStr(passphrase)
    )
    with pytest.raises(InvalidSetting, match=says_so) as refused:
        connect_arguments(settings)
    assert [detail["field"] for detail in refused.value.details] == [variable]
    assert variable in str(refused.value)
    assert "another one" not in str(refused.value.as_dict())


def test_an_empty_token_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    settings = load(SnowflakeSettings, account="a", authenticator="oauth", token_file_path=str(tmp_path / "token"))
    with pytest.raises(InvalidSetting, match=r"SNOWFLAKE_TOKEN_FILE_PATH: .* is empty"):
        connect_arguments(settings)


@pytest.mark.contract("S1.42")
def test_a_connection_is_encrypted_and_verified_unless_it_stays_on_this_machine() -> None:
    arguments = connect_arguments(load(SnowflakeSettings, **PERSON, password=SecretStr("p")))
    assert (arguments["protocol"], arguments["port"], "host" in arguments) == ("https", 443, False)
    assert not arguments.keys() & {"insecure_mode", "disable_ocsp_checks", "unsafe_skip_file_permissions_check"}


def test_a_certificate_that_nobody_vouches_for_is_refused(connect: Connect, tmp_path: Path) -> None:
    with self_signed(tmp_path) as port:
        settings = settings_for(port, protocol="https", host="localhost")
        warehouse = SnowflakeWarehouse(settings, pool_size=1, timeout=5)
        with pytest.raises(Unavailable, match="certificate") as refused:
            warehouse.query("select 1")
        warehouse.close()
    assert refused.value.code == "tls_refused"


# Secrets


@pytest.mark.contract("S1.45")
def test_no_log_and_no_address_shows_a_secret(
    wire: Wire, connect: Connect, key: rsa.RSAPrivateKey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = write_key(tmp_path / "key.p8", key, PASSPHRASE)
    ways: list[dict[str, Any]] = [
        {},
        {"passcode": SecretStr("987654")},
        NO_PASSWORD | {"private_key_path": path, "private_key_passphrase": SecretStr(PASSPHRASE)},
        NO_PASSWORD | {"authenticator": "oauth", "token": SecretStr(TOKEN)},
        NO_PASSWORD | {"authenticator": "programmatic_access_token", "token": SecretStr(TOKEN)},
    ]
    for way in ways:
        connect(wire, **way).query("select 1 as x")
    wire.plan(LOGIN, refuses("390100", "Incorrect username or password was specified."))
    with pytest.raises(AccessRefused):
        connect(wire).ping()
    assert len(wire.asked(LOGIN)) == len(ways) + 1
    shown = caplog.text + "".join(request.target for request in wire.requests)
    assert "login-request" in shown
    assert not [secret for secret in (PASSWORD, PASSPHRASE, TOKEN, "987654") if secret in shown]


SECRET = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=30).map(
    "§§{}".format
)
WORD = st.sampled_from(["", "ab12345", "JANE", "/nowhere/key.p8"])
ENVIRONMENT = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER", "SNOWFLAKE_ROLE", "SNOWFLAKE_HOST"), WORD),
        **dict.fromkeys(("SNOWFLAKE_PRIVATE_KEY_PATH", "SNOWFLAKE_TOKEN_FILE_PATH"), WORD),
        "SNOWFLAKE_AUTHENTICATOR": st.sampled_from(["", *AUTHENTICATORS, "OAUTH", "oath"]),
        "SNOWFLAKE_PROTOCOL": st.sampled_from(["https", "http"]),
        "SNOWFLAKE_PORT": st.sampled_from(["443", "0", "x"]),
        **dict.fromkeys(
            ("SNOWFLAKE_PASSWORD", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "SNOWFLAKE_TOKEN", "SNOWFLAKE_PASSCODE"), SECRET
        ),
    },
)


@pytest.mark.contract("S1.44")
@pytest.mark.contract("S1.45")
@hypothesis_settings(max_examples=300, deadline=None)
@given(environment=ENVIRONMENT)
def test_any_environment_signs_in_one_way_or_is_refused_by_name_without_a_secret(environment: dict[str, str]) -> None:
    with mock.patch.dict(os.environ, environment):
        try:
            settings = load(SnowflakeSettings)
            shown = [repr(settings), settings.model_dump_json()]
            arguments = connect_arguments(settings)
        except InvalidSetting as refused:
            shown = [repr(refused), str(refused.as_dict())]
            assert refused.details
            assert all(detail["field"].startswith("SNOWFLAKE_") for detail in refused.details)
            assert refused.next_action
        else:
            used = {name for name in CREDENTIALS if environment.get(CREDENTIALS[name])}
            assert arguments["authenticator"] == method_of(settings)
            assert len(used - {"passcode", "private_key_passphrase"}) <= 1
    assert not any("§§" in text for text in shown)


# Without the extra


def test_the_packages_that_others_import_do_not_bring_the_connector() -> None:
    program = (
        "import sys, customer360.warehouse, customer360.warehouse.snowflake\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'snowflake'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_the_extra_one_is_told_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "snowflake.connector", None)
    monkeypatch.setitem(sys.modules, "snowflake", None)
    with pytest.raises(Unavailable) as refused:
        SnowflakeWarehouse(settings_for(1), pool_size=1, timeout=1)
    assert (refused.value.code, refused.value.next_action) == (
        "extra_missing",
        'Install the extra: pip install "customer360[snowflake]".',
    )
