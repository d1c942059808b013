"""Every setting: name, default and help in one place, read once at the edge.

Precedence: command-line flag, environment, ``.env`` in the working folder, ``config.toml`` in the workspace, default.
``.env.template`` is generated from these classes and a test holds the two equal.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from dotenv import dotenv_values
from pydantic import (
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from customer360.errors import ErrorDetail, InvalidInput, InvalidSetting, did_you_mean

Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = init_settings().get(HOME) or _home()
        toml = TomlConfigSettingsSource(settings_cls, toml_file=Path(home) / "config.toml")
        return init_settings, env_settings, dotenv_settings, toml


SNOWFLAKE_DOMAIN = ".snowflakecomputing.com"
AUTHENTICATORS = (
    "snowflake",
    "snowflake_jwt",
    "oauth",
    "programmatic_access_token",
    "externalbrowser",
    "username_password_mfa",
)

HOME = "CUSTOMER360_HOME"
DEFAULT_HOME = ".customer360"


def _home() -> str:
    """Return where config.toml is looked for: where the environment or .env says the workspace is."""
    return os.environ.get(HOME) or dotenv_values(".env").get(HOME) or DEFAULT_HOME


def read_variable(name: str) -> str:
    """Return a variable that no settings class has, such as the key of a source; empty where nothing says it."""
    return os.environ.get(name) or dotenv_values(".env").get(name) or ""


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine and no other."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class AppSettings(_Settings):
    """The service: what it is called and where it listens."""

    name: Name = Field("Customer Analytics API", alias="APP_NAME", description="Name the API shows at / and in /docs")
    version: Name = Field("0.1.0", alias="APP_VERSION", description="Version the API shows at / and in its docs")
    debug: bool = Field(False, alias="DEBUG", description="Log at DEBUG level; error answers never change")
    host: Name = Field("127.0.0.1", alias="HOST", description="Address the API and the pages listen on")
    port: int = Field(8000, alias="PORT", ge=1, le=65535, description="Port of the API")
    ui_port: int = Field(8501, alias="UI_PORT", ge=1, le=65535, description="Port of the pages")

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the service."""
        return is_loopback(self.host)


class WorkspaceSettings(_Settings):
    """Where the data of one company lives and which engine serves it."""

    home: Path = Field(Path(DEFAULT_HOME), alias="CUSTOMER360_HOME", description="Folder that holds the workspace")
    environment: Literal["dev", "prod"] = Field(
        "dev", alias="ENVIRONMENT", description="dev or prod; sample data never lands in prod"
    )
    engine: Literal["duckdb", "snowflake"] = Field(
        "duckdb",
        alias="CUSTOMER360_ENGINE",
        description="Engine: duckdb, on this machine; snowflake, on the account below",
    )
    keep_builds: int = Field(
        5, alias="CUSTOMER360_KEEP_BUILDS", ge=1, le=1000, description="Published builds kept for rollback"
    )


class QuerySettings(_Settings):
    """Limits on questions put to a build."""

    timeout_seconds: float = Field(
        300, alias="QUERY_TIMEOUT", gt=0, le=86400, description="Seconds after which a query is stopped"
    )
    pool_size: int = Field(
        10, alias="CONNECTION_POOL_SIZE", ge=1, le=256, description="Queries that may run at the same time"
    )
    cache_seconds: float = Field(
        3600,
        alias="CACHE_TTL",
        ge=0,
        le=604800,
        description="Seconds a result is kept; 0 switches the cache off",
    )


class ResourceSettings(_Settings):
    """How the machine is divided between serving and building."""

    serve_threads: int = Field(
        2, alias="CUSTOMER360_SERVE_THREADS", ge=1, le=256, description="Engine threads for answering queries"
    )
    serve_memory: Name = Field(
        "25%", alias="CUSTOMER360_SERVE_MEMORY", description="Engine memory for answering: share of RAM, or 4GB"
    )
    build_threads: int = Field(
        0,
        alias="CUSTOMER360_BUILD_THREADS",
        ge=0,
        le=256,
        description="Engine threads for building; 0: every core",
    )
    build_memory: Name = Field(
        "25%", alias="CUSTOMER360_BUILD_MEMORY", description="Engine memory for building: share of RAM, or 12GB"
    )
    build_nice: int = Field(
        10,
        alias="CUSTOMER360_BUILD_NICE",
        ge=0,
        le=19,
        description="Priority that builds give up to readers",
    )

    @field_validator("serve_memory", "build_memory")
    @classmethod
    def _readable_memory(cls, value: str) -> str:
        memory_limit(value)
        return value


class LogSettings(_Settings):
    """What is written down of runs over sources behind APIs."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        alias="CUSTOMER360_LOG_LEVEL",
        description="logs/pipeline.log of the workspace: INFO is stages and what went wrong, DEBUG each request too",
    )


class AlertSettings(_Settings):
    """Where alerts go; without a webhook they are only kept."""

    webhook: SecretStr = Field(
        SecretStr(""),
        alias="CUSTOMER360_ALERT_WEBHOOK",
        description="http(s) address that alerts are posted to; never printed, since such an address is a key",
    )
    timeout_seconds: float = Field(
        5, alias="CUSTOMER360_ALERT_TIMEOUT", gt=0, le=60, description="Seconds that the webhook may take to answer"
    )

    @field_validator("webhook")
    @classmethod
    def _http_address(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().strip():
            return SecretStr("")
        try:
            return SecretStr(str(TypeAdapter(HttpUrl).validate_python(value.get_secret_value().strip())))
        except ValidationError:
            raise ValueError("it is not an address like https://example.org/hook") from None


class SnowflakeSettings(_Settings):
    """The account that a workspace on Snowflake uses; all empty on one machine."""

    account: str = Field("", alias="SNOWFLAKE_ACCOUNT", description="Account: account.region or organisation-account")
    user: str = Field("", alias="SNOWFLAKE_USER", description="User name")
    password: SecretStr = Field(SecretStr(""), alias="SNOWFLAKE_PASSWORD", description="Password; never printed")
    role: str = Field("", alias="SNOWFLAKE_ROLE", description="Role of every session; empty: the user's default role")
    warehouse: str = Field("", alias="SNOWFLAKE_WAREHOUSE", description="Warehouse that runs the statements")
    database: str = Field("", alias="SNOWFLAKE_DATABASE", description="Database that holds the schemas")
    schema_name: str = Field("", alias="SNOWFLAKE_SCHEMA", description="Default schema")
    authenticator: str = Field(
        "",
        alias="SNOWFLAKE_AUTHENTICATOR",
        description=f"How to sign in: {', '.join(AUTHENTICATORS)}; empty: what the password or the key says",
    )
    private_key_path: str = Field(
        "", alias="SNOWFLAKE_PRIVATE_KEY_PATH", description="File with the private key (PEM) of a key pair"
    )
    private_key_passphrase: SecretStr = Field(
        SecretStr(""),
        alias="SNOWFLAKE_PRIVATE_KEY_PASSPHRASE",
        description="Passphrase of an encrypted private key; never printed",
    )
    token: SecretStr = Field(
        SecretStr(""),
        alias="SNOWFLAKE_TOKEN",
        description="OAuth or programmatic access token, as SNOWFLAKE_AUTHENTICATOR says; never printed",
    )
    token_file_path: str = Field(
        "", alias="SNOWFLAKE_TOKEN_FILE_PATH", description="File with that token, read anew for every session"
    )
    passcode: SecretStr = Field(
        SecretStr(""),
        alias="SNOWFLAKE_PASSCODE",
        description="One-time code for username_password_mfa where no push is sent; never printed",
    )
    connection_name: str = Field(
        "",
        alias="SNOWFLAKE_CONNECTION_NAME",
        description="Connection of your own connections.toml that says all of the above; role, warehouse, database "
        "and schema given here win",
    )
    default_connection_name: str = Field(
        "",
        alias="SNOWFLAKE_DEFAULT_CONNECTION_NAME",
        description="The same, used only while SNOWFLAKE_ACCOUNT is empty",
    )
    host: str = Field(
        "", alias="SNOWFLAKE_HOST", description="Host of an emulator or a private link; empty: from the account"
    )
    port: int = Field(443, alias="SNOWFLAKE_PORT", ge=1, le=65535, description="Port of that host")
    protocol: Literal["https", "http"] = Field(
        "https", alias="SNOWFLAKE_PROTOCOL", description="https, always verified; http only to this machine"
    )
    login_timeout: int = Field(
        30, alias="SNOWFLAKE_LOGIN_TIMEOUT", ge=1, le=3600, description="Seconds a sign-in may take, repeats included"
    )
    network_timeout: int = Field(
        10,
        alias="SNOWFLAKE_NETWORK_TIMEOUT",
        ge=1,
        le=3600,
        description="Seconds for which a request that is no statement is repeated",
    )

    @field_validator("account")
    @classmethod
    def _account_without_domain(cls, value: str) -> str:
        account = value.strip().removeprefix("https://").rstrip("/").removesuffix(SNOWFLAKE_DOMAIN)
        if account and not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", account):
            raise ValueError("write account.region, organisation-account, or either with .snowflakecomputing.com")
        return account

    @field_validator("authenticator")
    @classmethod
    def _known_authenticator(cls, value: str) -> str:
        name = value.strip().lower()
        if name and name not in AUTHENTICATORS:
            raise ValueError(did_you_mean(name, AUTHENTICATORS))
        return name

    @field_validator("host")
    @classmethod
    def _host_alone(cls, value: str) -> str:
        host = value.strip()
        if re.search(r"[/:@\s]", host) and not _is_address(host):
            raise ValueError("give the host alone; SNOWFLAKE_PORT and SNOWFLAKE_PROTOCOL say the rest")
        return host

    @field_validator("protocol")
    @classmethod
    def _plain_only_at_home(cls, value: str, info: ValidationInfo) -> str:
        if value == "http" and not is_loopback(info.data.get("host", "")):
            raise ValueError("http is not encrypted and may only go to an emulator at SNOWFLAKE_HOST=127.0.0.1")
        return value


class CortexSettings(_Settings):
    """Cortex Analyst on an account of Snowflake, asked besides our own reader of questions; off unless set."""

    url: str = Field(
        "",
        alias="CUSTOMER360_CORTEX_URL",
        description="Address of the account: https://org-account.snowflakecomputing.com",
    )
    token: SecretStr = Field(
        SecretStr(""), alias="CUSTOMER360_CORTEX_TOKEN", description="Token that lets us in; never printed"
    )
    token_type: Literal["OAUTH", "PROGRAMMATIC_ACCESS_TOKEN", "KEYPAIR_JWT"] = Field(
        "OAUTH", alias="CUSTOMER360_CORTEX_TOKEN_TYPE", description="OAUTH, PROGRAMMATIC_ACCESS_TOKEN or KEYPAIR_JWT"
    )
    semantic_model: str = Field(
        "",
        alias="CUSTOMER360_CORTEX_MODEL",
        description="Model it reads by: a file on a stage (@db.schema.stage/model.yaml) or a semantic view",
    )
    stream: bool = Field(False, alias="CUSTOMER360_CORTEX_STREAM", description="Take its answers as a stream of events")
    timeout_seconds: float = Field(
        50, alias="CUSTOMER360_CORTEX_TIMEOUT", gt=0, le=600, description="Seconds that all tries together may take"
    )
    ask: Literal["off", "unsure", "first"] = Field(
        "off",
        alias="CUSTOMER360_CORTEX",
        description="When it is asked: off, never; unsure, where our reader has no answer; first, before it",
    )

    @field_validator("url")
    @classmethod
    def _encrypted_address(cls, value: str) -> str:
        address = value.strip().rstrip("/")
        if not address:
            return ""
        try:
            parsed = TypeAdapter(HttpUrl).validate_python(address)
        except ValidationError:
            raise ValueError("it is not an address like https://org-account.snowflakecomputing.com") from None
        if parsed.scheme == "http" and not is_loopback((parsed.host or "").strip("[]")):
            raise ValueError("http is not encrypted and may only go to this machine; write https://")
        if parsed.username or parsed.password or parsed.query or (parsed.path or "/") != "/":
            raise ValueError("give the address of the account alone, without user, path or parameters")
        return address

    @field_validator("ask")
    @classmethod
    def _complete(cls, value: str, info: ValidationInfo) -> str:
        needed = {name: info.data.get(name) for name in ("url", "token", "semantic_model")}
        plain = {name: one.get_secret_value() if isinstance(one, SecretStr) else one for name, one in needed.items()}
        missing = [str(cls.model_fields[name].alias) for name, one in plain.items() if not one]
        if value != "off" and missing:
            raise ValueError(f"it needs {' and '.join(missing)}")
        return value


class SnowflakeSetupSettings(_Settings):
    """What `customer360 deploy snowflake` writes into the files of infra/snowflake, beside database and warehouse."""

    role_service: Name = Field(
        "CUSTOMER360_SERVICE", alias="SNOWFLAKE_SERVICE_ROLE", description="Role of the product itself"
    )
    role_engineer: Name = Field("DATA_ENGINEER", alias="SNOWFLAKE_ENGINEER_ROLE", description="Role of data engineers")
    role_analyst: Name = Field("DATA_ANALYST", alias="SNOWFLAKE_ANALYST_ROLE", description="Role of analysts")
    role_scientist: Name = Field(
        "DATA_SCIENTIST", alias="SNOWFLAKE_SCIENTIST_ROLE", description="Role of data scientists"
    )
    s3_bucket: str = Field("", alias="SNOWFLAKE_S3_BUCKET", description="Bucket to land from; with --with s3")
    s3_role_arn: str = Field(
        "", alias="SNOWFLAKE_S3_ROLE_ARN", description="AWS role that may read the bucket; with --with s3"
    )
    git_origin: str = Field(
        "", alias="SNOWFLAKE_GIT_ORIGIN", description="https address of the project's repository; with --with git"
    )


CONCERNS: tuple[type[_Settings], ...] = (
    AppSettings,
    WorkspaceSettings,
    QuerySettings,
    ResourceSettings,
    LogSettings,
    AlertSettings,
    SnowflakeSettings,
    CortexSettings,
    SnowflakeSetupSettings,
)


S = TypeVar("S", bound=_Settings)


def load(concern: type[S], **flags: Any) -> S:
    """Read one concern; ``flags`` (by field name) win over every other source.

    Raises:
        InvalidSetting: names each variable, the value it had and what it should be.
    """
    given = {concern.model_fields[name].alias or name: value for name, value in flags.items() if value is not None}
    try:
        return concern(**given)
    except ValidationError as error:
        raise _invalid(concern, error) from None


def environment_of(settings: _Settings) -> dict[str, str]:
    """Return the variables by which a child process reads the same settings, secrets in plain text."""
    return {
        field.alias or name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, field in type(settings).model_fields.items()
        for value in [getattr(settings, name)]
    }


def _invalid(concern: type[_Settings], error: ValidationError) -> InvalidSetting:
    details: list[ErrorDetail] = []
    for fault in error.errors():
        variable = str(fault["loc"][0])
        secret = any(info.alias == variable and info.annotation is SecretStr for info in concern.model_fields.values())
        value = "(hidden)" if secret else fault["input"]
        details.append({"field": variable, "value": value, "message": fault["msg"]})
    first = details[0]
    return InvalidSetting(
        f"{first['field']}={first['value']!r} does not fit: {first['message']}.",
        next_action="Correct it in the environment, .env or config.toml; .env.template explains each variable.",
        details=details,
    )


def memory_limit(text: str) -> str:
    """Turn ``25%`` into an amount of this machine's memory that DuckDB understands; pass ``4GB`` through."""
    value = text.strip()
    if value.endswith("%"):
        share = float(value[:-1])
        if not 0 < share <= 100:
            raise ValueError(f"{text!r} is not a share between 1% and 100%")
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return f"{int(total * share / 100 / 2**20)}MiB"
    if not re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", value, re.IGNORECASE):
        raise ValueError(f"{text!r} is neither a share like 25% nor an amount like 4GB")
    return value


def env_template() -> str:
    """Return the text of ``.env.template``: each variable with its default and one line of explanation."""
    lines = ["# Settings of Customer360. Copy to .env and change what you need; every line shows the default.", ""]
    for concern in CONCERNS:
        lines.append(f"# {(concern.__doc__ or '').strip()}")
        for field in concern.model_fields.values():
            default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
            shown = str(default).lower() if isinstance(default, bool) else str(default)
            lines += [f"# {field.description}", f"{field.alias}={shown}"]
        lines.append("")
    return "\n".join(lines)


def project_files(name: str) -> Path:
    """Return the folder ``transform``, ``datasets``, ``semantic`` or ``infra/snowflake``, of the wheel or checkout."""
    package = Path(__file__).parent
    packed = package / "_project" / name
    return packed if packed.is_dir() else package.parents[1] / name


SEMANTIC_MODELS = ("customer_analytics", "operations")
"""Names of the semantic models, each a file of the folder ``semantic``; the first is meant where none is named."""
DEFAULT_MODEL = SEMANTIC_MODELS[0]


def semantic_model_file(name: str) -> Path:
    """Return the file of a semantic model that comes with the product.

    Raises:
        InvalidInput: there is none of that name.
    """
    if name not in SEMANTIC_MODELS:
        raise no_such_model(name)
    return project_files("semantic") / f"{name}.yaml"


def no_such_model(name: str) -> InvalidInput:
    """Return the error that names the semantic models there are."""
    return InvalidInput(
        f"There is no semantic model {name[:200]!r}.",
        code="no_such_model",
        next_action=f"There are {' and '.join(SEMANTIC_MODELS)}.",
    )


@dataclass(frozen=True)
class BusinessRule:
    """A constant that is a choice: its name, value and meaning."""

    name: str
    value: int
    meaning: str


def simulated_weights() -> dict[str, dict[str, int]]:
    """Return what is drawn for customers of APIs of whom nothing is known: by field its values and their percentages.

    They stand in ``transform/dbt_project.yml``, where dbt reads them too.
    """
    text = (project_files("transform") / "dbt_project.yml").read_text(encoding="utf-8")
    weights: dict[str, dict[str, int]] = yaml.safe_load(text)["vars"]["simulated_weights"]
    return weights


def business_rules() -> list[BusinessRule]:
    """Return the business rules of ``transform/dbt_project.yml``, where dbt reads them too.

    A dataset changes one under ``rules:`` in its ``dataset.yml``; a workspace's definition holds those changes.
    """
    text = (project_files("transform") / "dbt_project.yml").read_text(encoding="utf-8")
    entries = re.findall(r"^  (\w+): (\d+) +# (.+)$", text, re.MULTILINE)
    return [BusinessRule(name, int(value), meaning) for name, value, meaning in entries]


def rules_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each business rule for a dataset: its own where its definition has one."""
    own: dict[str, Any] = definition.get("rules", {})
    return {rule.name: rule.value for rule in business_rules()} | own
