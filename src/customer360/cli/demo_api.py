"""customer360 demo-api: customers behind an API that fails, throttles and moves, to try a client on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from customer360.cli.console import say
from customer360.cli.doctor import port_is_free
from customer360.errors import InvalidInput, InvalidSetting, Unavailable, did_you_mean
from customer360.settings import WorkspaceSettings, is_loopback, load

if TYPE_CHECKING:
    from customer360.demo_api import DemoSettings, Trouble

Model = TypeVar("Model", bound=BaseModel)

PANEL = "What goes wrong"


def demo_api(
    host: Annotated[str, typer.Option(help="Address to listen on; by default only this machine reaches it.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8111,
    seed: Annotated[int, typer.Option(help="The same seed and requests give the same answers.")] = 42,
    users: Annotated[int, typer.Option(help="Number of users; the first 12 are those of reqres.in.")] = 12,
    messy: Annotated[float, typer.Option(help="Share of the other users that are incomplete or wrong.")] = 0,
    revision: Annotated[int, typer.Option(help="Days that passed; on each, every 20th user changed.")] = 0,
    dummyjson: Annotated[
        Path | None, typer.Option(help="Folder with DummyJSON's users, products and carts; serves them at /users ….")
    ] = None,
    auth: Annotated[
        str, typer.Option(help="Authentication of unprefixed paths: none, header, query, bearer, basic, oauth2.")
    ] = "header",
    api_key: Annotated[
        str, typer.Option(help="The key; also bearer token, password of demo, its OAuth2 secret.")
    ] = "reqres-free-v1",
    token_seconds: Annotated[int, typer.Option(help="Seconds after which an OAuth2 token expires.")] = 3600,
    rate_limit: Annotated[int, typer.Option(help="Requests let through in any second, then 429; 0 is all.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing goes wrong.", rich_help_panel=PANEL)] = False,
    chaos: Annotated[
        float | None, typer.Option(help="Share of 500 and 503; default 0.2.", rich_help_panel=PANEL)
    ] = None,
    trouble: Annotated[
        list[str] | None,
        typer.Option(
            help="Share of one kind, such as reset=0.1; again for others: throttled, reset, truncated, invalid_json, "
            "error_body, duplicate, hang, wrong_total, empty_page, permanent, delay, moving, inserted, removed.",
            metavar="KIND=SHARE",
            rich_help_panel=PANEL,
        ),
    ] = None,
    failures_in_a_row: Annotated[
        int, typer.Option(help="An address fails at most this often in succession.", rich_help_panel=PANEL)
    ] = 3,
    retry_after: Annotated[
        int, typer.Option(help="Seconds in Retry-After, as a number or a date.", rich_help_panel=PANEL)
    ] = 1,
    delay_seconds: Annotated[float, typer.Option(help="Longest delay of an answer.", rich_help_panel=PANEL)] = 0.3,
    hang_seconds: Annotated[float, typer.Option(help="How long a request hangs.", rich_help_panel=PANEL)] = 60,
) -> None:
    """Serve customers from an API that fails, throttles and moves: a test server for clients, and a demo.

    The users are at /api/users (page, per_page), /offset, /cursor, /link and /next, one kind of paging each, and under
    /none, /header, /query, /bearer, /basic and /oauth2 with that authentication. All take updated_since. POST /revision
    lets a day pass. GET /stats says what the server counted, DELETE /stats starts again.
    Ctrl-C stops it.

    Example: customer360 demo-api --users 1000 --chaos 0.3 --trouble reset=0.1

    Then: curl -H 'x-api-key: reqres-free-v1' 'http://127.0.0.1:8111/api/users?page=1'
    """
    from customer360.demo_api import DemoSettings, build_server, create_app  # noqa: PLC0415

    _refuse_in_production()
    settings = _checked(
        DemoSettings,
        seed=seed,
        users=users,
        messy=messy,
        revision=revision,
        dummyjson=dummyjson,
        auth=auth,
        api_key=api_key,
        token_seconds=token_seconds,
        rate_limit=rate_limit,
        trouble=_trouble(quiet, chaos, trouble or []),
        failures_in_a_row=failures_in_a_row,
        retry_after=retry_after,
        delay_seconds=delay_seconds,
        hang_seconds=hang_seconds,
    )
    app = create_app(settings)
    if not port_is_free(host, port):
        raise Unavailable(
            f"Port {port} on {host} is in use.",
            code="port_busy",
            next_action=f"Stop the other program, or choose another port: --port {port + 100}.",
        )
    _say_what(settings, host, port)
    with suppress(KeyboardInterrupt):
        build_server(app, host=host, port=port).run()


def _refuse_in_production() -> None:
    if load(WorkspaceSettings).environment == "prod":
        raise InvalidSetting(
            "The demo API fails on purpose and serves people who do not exist, and ENVIRONMENT is 'prod'.",
            next_action="Run it elsewhere, or set ENVIRONMENT=dev.",
            details=[{"field": "ENVIRONMENT", "value": "prod", "message": "nothing fails on purpose here"}],
        )


def _trouble(quiet: bool, chaos: float | None, given: list[str]) -> Trouble:
    """Return the usual trouble, or none where it should be quiet, with what was given besides."""
    from customer360.demo_api import USUAL_TROUBLE, Trouble  # noqa: PLC0415

    shares: dict[str, Any] = {} if quiet else USUAL_TROUBLE.model_dump()
    shares |= {} if chaos is None else {"error": chaos}
    for item in given:
        kind, _, share = item.partition("=")
        if kind not in Trouble.model_fields:
            raise InvalidInput(
                f"There is no trouble called {kind!r}.", next_action=did_you_mean(kind, Trouble.model_fields)
            )
        shares[kind] = share
    return _checked(Trouble, **shares)


def _checked(model: type[Model], **values: Any) -> Model:
    try:
        return model(**values)
    except ValidationError as error:
        raise InvalidInput(
            "The demo API cannot be started like this.",
            next_action="customer360 demo-api --help says what each option takes.",
            details=[
                {
                    "field": ".".join(map(str, fault["loc"])) or "trouble",
                    "value": fault["input"],
                    "message": fault["msg"],
                }
                for fault in error.errors()
            ],
        ) from error


def _say_what(settings: DemoSettings, host: str, port: int) -> None:
    if not is_loopback(host):
        say(f"[yellow]Anyone who can reach {host} can reach this server.[/] What it serves is made up.")
    shown = {kind: share for kind, share in settings.trouble.model_dump().items() if share}
    wrong = ", ".join(f"{kind} {share:g}" for kind, share in shown.items()) or "nothing"
    say(f"[bold]Demo API[/]  http://{host}:{port}/api/users  {settings.users:,} users, seed {settings.seed}")
    say(f"Goes wrong: {wrong}")
    say(f"Counts:     http://{host}:{port}/stats\n\nCtrl-C stops it.")
