"""How to sign in to Snowflake: settings in, the connector's arguments out.

What is given decides the method; what contradicts or lacks is refused by the name of its variable. Secrets leave their
``SecretStr`` here and nowhere else, for one sign-in each, so that a key or token file that was renewed is used.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from customer360.errors import InvalidSetting, Unavailable, did_you_mean
from customer360.settings import SnowflakeSettings, is_loopback

Arguments = dict[str, Any]

APPLICATION = "Customer360"
DATABASE = "CUSTOMER_ANALYTICS"
WAREHOUSE = "ANALYTICS_WH"
QUERY_TAG = "customer360"
SILENT = {
    "client_prefetch_threads": 4,
    "log_imported_packages_in_telemetry": False,
    "platform_detection_timeout_seconds": 0.0,
}
"""Nothing is sent anywhere unasked: no telemetry, and no questions to the cloud's metadata service."""

SESSION_PARAMETERS = {
    "QUERY_TAG": QUERY_TAG,
    "TIMEZONE": "UTC",
    "WEEK_START": 1,
    "CLIENT_TELEMETRY_ENABLED": False,
}
"""What an account may set otherwise and answers depend on: moments are in UTC, and weeks start on Monday."""

CREDENTIALS = {
    "password": "SNOWFLAKE_PASSWORD",
    "private_key_path": "SNOWFLAKE_PRIVATE_KEY_PATH",
    "private_key_passphrase": "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE",
    "token": "SNOWFLAKE_TOKEN",
    "token_file_path": "SNOWFLAKE_TOKEN_FILE_PATH",
    "passcode": "SNOWFLAKE_PASSCODE",
}
PLACES = ("role", "warehouse", "database", "schema", "host", "port", "protocol")
USED_BY: dict[str, frozenset[str]] = {
    "snowflake": frozenset({"password"}),
    "username_password_mfa": frozenset({"password", "passcode"}),
    "snowflake_jwt": frozenset({"private_key_path", "private_key_passphrase"}),
    "oauth": frozenset({"token", "token_file_path"}),
    "programmatic_access_token": frozenset({"token", "token_file_path"}),
    "externalbrowser": frozenset(),
}
"""Which credentials each method uses; the method needs one of those that are not optional."""
OPTIONAL = frozenset({"passcode", "private_key_passphrase"})
WITHOUT_USER = frozenset({"oauth", "programmatic_access_token"})

EXPLAINED = ".env.template explains each variable."
INSTALL = 'Install the extra: pip install "customer360[snowflake]".'


def connect_arguments(settings: SnowflakeSettings) -> Arguments:
    """Return what ``snowflake.connector.connect`` takes for one session.

    Raises:
        InvalidSetting: something lacks, contradicts or cannot be read; the message names the variable.
    """
    name = connection_name(settings)
    given = _named(name, settings) if name else _spelled_out(settings)
    place = {
        "role": settings.role,
        "warehouse": settings.warehouse,
        "database": settings.database,
        "schema": settings.schema_name,
    }
    arguments = {
        **given,
        **{key: value for key, value in place.items() if value},
        **SILENT,
        "application": APPLICATION,
        "paramstyle": "numeric",
        "arrow_number_to_decimal": True,
        "login_timeout": settings.login_timeout,
        "network_timeout": settings.network_timeout,
        "session_parameters": {**given.get("session_parameters", {}), **SESSION_PARAMETERS},
    }
    _refuse_plain_text(arguments)
    return arguments


def placed(settings: SnowflakeSettings) -> SnowflakeSettings:
    """Return the settings with the database and the warehouse that deploying makes, where they name none."""
    names = {"database": settings.database or DATABASE, "warehouse": settings.warehouse or WAREHOUSE}
    return settings.model_copy(update=names)


def dbt_environment(settings: SnowflakeSettings) -> dict[str, str]:
    """Return the variables by which dbt's profile signs in as :func:`connect_arguments` does.

    Raises:
        InvalidSetting: something lacks, contradicts or cannot be read; the message names the variable.
    """
    given = connect_arguments(settings)
    told = {name: given.get(name) for name in ("account", "user", "password", "authenticator", "token", *PLACES)}
    told["private_key_path"] = given.get("private_key_file") or settings.private_key_path
    told["private_key_passphrase"] = given.get("private_key_file_pwd") or _plain(settings.private_key_passphrase)
    return {f"SNOWFLAKE_{name.upper()}": str(value or "") for name, value in told.items()}


def connection_name(settings: SnowflakeSettings) -> str:
    """Return the connection of the person's own file that is to be used, or an empty text."""
    return settings.connection_name or ("" if settings.account else settings.default_connection_name)


def method_of(settings: SnowflakeSettings) -> str:
    """Return the way to sign in that the given credentials mean.

    Raises:
        InvalidSetting: they mean none, or more than one.
    """
    given = _given(settings)
    method = settings.authenticator or _implied(given)
    if extra := sorted(given - USED_BY[method]):
        names = " and ".join(CREDENTIALS[name] for name in extra)
        raise _invalid(
            [CREDENTIALS[name] for name in extra] + ["SNOWFLAKE_AUTHENTICATOR"],
            f"{names} contradicts signing in by {method}, which does not use it.",
            f"Remove {names}, or set SNOWFLAKE_AUTHENTICATOR to the method that uses it.",
        )
    needed = USED_BY[method] - OPTIONAL
    if needed and not needed & given:
        names = " or ".join(sorted(CREDENTIALS[name] for name in needed))
        raise _invalid([CREDENTIALS[name] for name in sorted(needed)], f"Signing in by {method} needs {names}.")
    return method


def _given(settings: SnowflakeSettings) -> set[str]:
    return {name for name in CREDENTIALS if _plain(getattr(settings, name))}


def _plain(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _implied(given: set[str]) -> str:
    kinds = given - OPTIONAL
    if len(kinds) > 1:
        names = [CREDENTIALS[name] for name in sorted(kinds)]
        raise _invalid(
            names,
            f"{' and '.join(names)} contradict each other: each is a way to sign in.",
            "Keep one of them, or choose with SNOWFLAKE_AUTHENTICATOR.",
        )
    if kinds == {"password"}:
        return "username_password_mfa" if "passcode" in given else "snowflake"
    if kinds == {"private_key_path"}:
        return "snowflake_jwt"
    if kinds:
        raise _invalid(
            ["SNOWFLAKE_AUTHENTICATOR"],
            f"{CREDENTIALS[kinds.pop()]} is given, and SNOWFLAKE_AUTHENTICATOR does not say what the token is.",
            "Set SNOWFLAKE_AUTHENTICATOR to oauth or programmatic_access_token.",
        )
    raise _invalid(
        [name for key, name in CREDENTIALS.items() if key not in OPTIONAL],
        "Nothing says how to sign in to Snowflake.",
        "Set SNOWFLAKE_PASSWORD, SNOWFLAKE_PRIVATE_KEY_PATH, SNOWFLAKE_TOKEN with SNOWFLAKE_AUTHENTICATOR, "
        "SNOWFLAKE_AUTHENTICATOR=externalbrowser or SNOWFLAKE_CONNECTION_NAME.",
    )


def _spelled_out(settings: SnowflakeSettings) -> Arguments:
    method = method_of(settings)
    missing = [] if settings.account else ["SNOWFLAKE_ACCOUNT"]
    missing += [] if settings.user or method in WITHOUT_USER else ["SNOWFLAKE_USER"]
    if missing:
        raise _invalid(missing, f"{' and '.join(missing)} must be set to use Snowflake.")
    arguments = {"account": settings.account, "user": settings.user, "authenticator": method}
    return {**arguments, **_address(settings), **_credentials(settings, method)}


def _address(settings: SnowflakeSettings) -> Arguments:
    if not settings.host:
        return {"protocol": settings.protocol, "port": settings.port}
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {"host": host, "protocol": settings.protocol, "port": settings.port}


def _credentials(settings: SnowflakeSettings, method: str) -> Arguments:
    match method:
        case "snowflake_jwt":
            return {"private_key": read_private_key(settings)}
        case "oauth" | "programmatic_access_token":
            return {"token": _token(settings)}
        case "externalbrowser":
            return {"client_store_temporary_credential": True}
        case "username_password_mfa":
            passcode = {"passcode": _plain(settings.passcode)} if _plain(settings.passcode) else {}
            return {"password": _plain(settings.password), "client_request_mfa_token": True, **passcode}
    return {"password": _plain(settings.password)}


def _token(settings: SnowflakeSettings) -> str:
    if _plain(settings.token) and settings.token_file_path:
        raise _invalid(
            ["SNOWFLAKE_TOKEN", "SNOWFLAKE_TOKEN_FILE_PATH"],
            "SNOWFLAKE_TOKEN and SNOWFLAKE_TOKEN_FILE_PATH contradict each other.",
            "Keep one of them.",
        )
    if not settings.token_file_path:
        return _plain(settings.token)
    text = _read("SNOWFLAKE_TOKEN_FILE_PATH", settings.token_file_path).decode("ascii", errors="replace").strip()
    if not text:
        raise _invalid(
            ["SNOWFLAKE_TOKEN_FILE_PATH"], f"SNOWFLAKE_TOKEN_FILE_PATH: {settings.token_file_path} is empty."
        )
    return text


def read_private_key(settings: SnowflakeSettings) -> bytes:
    """Return the private key in the form the connector takes (DER, PKCS 8).

    Raises:
        InvalidSetting: the file or its passphrase is not right; the message names which variable to correct.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    path, passphrase = settings.private_key_path, _plain(settings.private_key_passphrase).encode() or None
    content = _read("SNOWFLAKE_PRIVATE_KEY_PATH", path)
    if b"PUBLIC KEY" in content:
        raise _invalid(
            ["SNOWFLAKE_PRIVATE_KEY_PATH"],
            f"SNOWFLAKE_PRIVATE_KEY_PATH: {path} holds a public key.",
            "Give the private key of the pair; the public one is registered with the user in Snowflake.",
        )
    encrypted = b"ENCRYPTED" in content
    if encrypted is not (passphrase is not None):
        raise _invalid(
            ["SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"],
            f"SNOWFLAKE_PRIVATE_KEY_PASSPHRASE is {'missing' if encrypted else 'given'}, and the key in {path} "
            f"is {'' if encrypted else 'not '}encrypted.",
            "Set it to the passphrase of the key." if encrypted else "Remove it, or give the encrypted key.",
        )
    try:
        key = serialization.load_pem_private_key(content, password=passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        wrong = "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE" if encrypted else "SNOWFLAKE_PRIVATE_KEY_PATH"
        fault = "does not open" if encrypted else "does not name a private key in PEM form:"
        raise _invalid([wrong], f"{wrong} {fault} {path}.", "Correct the passphrase or the file.") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise _invalid(
            ["SNOWFLAKE_PRIVATE_KEY_PATH"],
            f"SNOWFLAKE_PRIVATE_KEY_PATH: {path} is neither an RSA nor an ECDSA key, and Snowflake takes no others.",
            "Make one: openssl genrsa 2048 | openssl pkcs8 -topk8 -v2 aes-256-cbc -inform PEM -out rsa_key.p8.",
        )
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(variable: str, path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise _invalid([variable], f"{variable}: {path} cannot be read: {error.strerror}.") from None


def _named(name: str, settings: SnowflakeSettings) -> Arguments:
    """Return a connection of the person's own ``connections.toml``, found where the connector finds it."""
    given = {CREDENTIALS[key] for key in _given(settings)}
    spelled = ("account", "user", "authenticator", "host")
    given |= {f"SNOWFLAKE_{key.upper()}" for key in spelled if getattr(settings, key)}
    variable = "SNOWFLAKE_CONNECTION_NAME" if settings.connection_name else "SNOWFLAKE_DEFAULT_CONNECTION_NAME"
    if given:
        raise _invalid(
            [variable, *sorted(given)],
            f"{variable}={name!r} contradicts {', '.join(sorted(given))}: the named connection says them itself.",
            f"Remove {variable} or the others.",
        )
    known = list_connections()
    if name not in known:
        raise _invalid(
            [variable],
            f"{variable}={name!r} is in no connections.toml that the connector reads.",
            did_you_mean(name, known) or "Add it to ~/.snowflake/connections.toml.",
        )
    return dict(known[name])


def list_connections() -> Mapping[str, Any]:
    """Return the connections of the person's own ``connections.toml`` by name; none where there is no such file."""
    connector()
    from snowflake.connector.config_manager import CONFIG_MANAGER  # noqa: PLC0415
    from snowflake.connector.errors import Error  # noqa: PLC0415

    try:
        return cast("Mapping[str, Any]", CONFIG_MANAGER["connections"])
    except Error:
        return {}


def _refuse_plain_text(arguments: Arguments) -> None:
    host = str(arguments.get("host", "")).strip("[]")
    if arguments.get("protocol", "https") != "https" and not is_loopback(host):
        raise _invalid(
            ["SNOWFLAKE_PROTOCOL"],
            "The connection asks for http, which is not encrypted and may only go to an emulator on this machine.",
            "Remove protocol from the connection, or set its host to 127.0.0.1.",
        )


def connector() -> Any:
    """Return the connector's module.

    Raises:
        Unavailable: the extra is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*doesn't match a supported version", category=Warning)
            import snowflake.connector  # noqa: PLC0415  (its own copy of requests says so of versions that work)
    except ImportError as error:
        raise Unavailable(
            "Snowflake needs its connector, which is not installed.", code="extra_missing", next_action=INSTALL
        ) from error
    return snowflake.connector


def _invalid(variables: list[str], message: str, next_action: str = EXPLAINED) -> InvalidSetting:
    details = [{"field": name, "value": "(hidden)", "message": message} for name in variables]
    return InvalidSetting(message, next_action=next_action, details=details)  # type: ignore[arg-type]
