"""customer360 serve and customer360 up: the API and the pages, started and stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.markup import escape

from customer360.cli import builds, data, deploy
from customer360.cli.alerts import sending_alerts
from customer360.cli.console import progress, say, say_refusal
from customer360.cli.context import open_builds, workspace
from customer360.cli.doctor import port_is_free
from customer360.errors import InvalidInput, InvalidSetting, Unavailable
from customer360.settings import AppSettings, WorkspaceSettings, is_loopback, load

STOP_SECONDS = 10
START_SECONDS = 60

Host = Annotated[str | None, typer.Option(help="Address to listen on; default HOST, 127.0.0.1.")]
Port = Annotated[int | None, typer.Option(help="Port of the API; default PORT, 8000.")]
UiPort = Annotated[int | None, typer.Option(help="Port of the pages; default UI_PORT, 8501.")]


def serve(
    host: Host = None,
    port: Port = None,
    ui_port: UiPort = None,
    reload: Annotated[bool, typer.Option("--reload", help="Restart when the code changes; for development.")] = False,
) -> None:
    """Serve the published build: the API on port 8000, the pages on 8501. Ctrl-C stops both."""
    _serve(load(AppSettings, host=host, port=port, ui_port=ui_port), reload=reload)


def _serve(settings: AppSettings, *, reload: bool = False, learning: bool = False) -> None:
    """Serve until stopped; with ``learning``, models are fitted meanwhile and a build with their scores published."""
    _refuse_busy_ports(settings)
    open_builds().current_id()
    _warn_if_open(settings)
    environment = os.environ | {
        "CUSTOMER360_HOME": str(workspace().home.resolve()),
        "HOST": settings.host,
        "PORT": str(settings.port),
        "UI_PORT": str(settings.ui_port),
    }
    with _Processes(environment, workspace().logs) as processes:
        processes.start("API", _api_command(settings, reload))
        processes.start("pages", _ui_command(settings, reload))
        processes.wait_until_listening(settings)
        _say_where(settings)
        if learning:
            say("\nModels of churn and value are being fitted; until then customers are Not Scored.")
            processes.run_beside("models", [sys.executable, "-m", "customer360.cli", "learn"])
        processes.wait()


def up(
    dataset: Annotated[
        str, typer.Argument(help="Dataset to load: bank, online_retail, cdnow, or its folder.")
    ] = "bank",
    source: Annotated[Path | None, typer.Option("--from", help="Where its files are; the bank is generated.")] = None,
    scale: Annotated[str, typer.Option(help="Scale of the generated bank: demo, standard or full.")] = "standard",
    seed: Annotated[int, typer.Option(help="Seed of the generated bank.")] = 42,
    host: Host = None,
    port: Port = None,
    ui_port: UiPort = None,
) -> None:
    """Load, build, publish and serve, in one command; a second time it only does what is new.

    While it serves, models of churn and value are fitted, and a build with their scores takes the first one's place.

    With CUSTOMER360_ENGINE=snowflake the account must be ready (customer360 deploy snowflake); an emulator on this
    machine is made ready here.

    Example: customer360 up online_retail --from ../shared/data/online_retail
    """
    settings = load(AppSettings, host=host, port=port, ui_port=ui_port)
    _refuse_busy_ports(settings)
    if source is None and dataset != "bank":
        raise InvalidInput(
            f"up needs to know where the files of {dataset} are.",
            next_action=f"customer360 up {dataset} --from PATH (or: make up DATASET={dataset} FROM=PATH)",
        )
    _bring_up_to_date(dataset, source, scale, seed)
    _serve(settings, learning=True)


@sending_alerts()
def _bring_up_to_date(dataset: str, source: Path | None, scale: str, seed: int) -> None:
    """Land what is new and build where that changes something."""
    account = workspace().account
    if account and is_loopback(account.host):
        deploy.run(emulator=True)
    if source is None and load(WorkspaceSettings).environment == "prod":
        raise InvalidSetting(
            "The synthetic bank is sample data, and ENVIRONMENT is 'prod'.",
            next_action="Say what to load: customer360 up DATASET --from PATH; or set ENVIRONMENT=dev.",
            details=[{"field": "ENVIRONMENT", "value": "prod", "message": "no sample data lands here"}],
        )
    with tempfile.TemporaryDirectory(prefix="customer360-bank-") as folder:
        report = data.land(dataset, source or _generate(scale, seed, Path(folder)))
    say(f"[green]✓[/] {len(report.landed):,} files landed, {len(report.unchanged):,} were here already.")
    for refusal in report.refused:
        say_refusal(refusal)
    if report.refused and not report.batches:
        raise report.refused[0]
    if record := builds.make_if_needed():
        say(f"[green]✓[/] Published {record.build_id}, as of {record.as_of_date}.")


def _generate(scale: str, seed: int, folder: Path) -> Path:
    from customer360.synth import generate_bank, get_scale  # noqa: PLC0415

    with progress(f"Generating the {scale} bank") as step:
        generate_bank(get_scale(scale, seed=seed), folder, progress=step)
    return folder


def _api_command(settings: AppSettings, reload: bool) -> list[str]:
    command = [sys.executable, "-m", "uvicorn", "--factory", "customer360.api:create_app"]
    command += ["--host", settings.host, "--port", str(settings.port), "--no-access-log", "--log-level", "warning"]
    return [*command, "--reload"] if reload else command


def _ui_command(settings: AppSettings, reload: bool) -> list[str]:
    from customer360.ui import command  # noqa: PLC0415

    return command(settings.host, settings.ui_port, reload=reload)


def _refuse_busy_ports(settings: AppSettings) -> None:
    for port, variable in ((settings.port, "PORT"), (settings.ui_port, "UI_PORT")):
        if not port_is_free(settings.host, port):
            raise Unavailable(
                f"Port {port} on {settings.host} is in use.",
                code="port_busy",
                next_action=f"Stop the other program, or choose another port: {variable}={port + 100}.",
            )


def _warn_if_open(settings: AppSettings) -> None:
    if not settings.is_loopback:
        say(
            f"[yellow]Anyone who can reach {settings.host} can read every customer: there is no sign-in yet.[/] "
            "Use HOST=127.0.0.1 unless the network is yours alone."
        )


def _say_where(settings: AppSettings) -> None:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    api, pages = f"http://{host}:{settings.port}", f"http://{host}:{settings.ui_port}"
    say(f"\n[bold]Pages[/]  {pages}\n[bold]API[/]    {api}/docs\n")
    say("Try:")
    say(f"  curl '{api}/api/customers/?limit=3'")
    say("  customer360 query --metrics customer_count,total_spend --by country --order -total_spend --limit 10")
    say("\nCtrl-C stops both.")


class _Processes:
    """Processes that live and die together."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self._environment = environment
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._beside: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False

    def __enter__(self) -> _Processes:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        started = [*self._beside.values(), *self._running.values()]
        for process in started:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in started:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a process; what it says goes to its log, what goes wrong to the terminal."""
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(command, env=self._environment, stdout=log, start_new_session=True)

    def run_beside(self, name: str, command: Sequence[str]) -> None:
        """Start a process that may end; what it says goes to its log, all of it."""
        with self._log(name).open("wb") as log:
            self._beside[name] = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def _log(self, name: str) -> Path:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self._logs / f"{name}.log"

    def _say_ended(self) -> None:
        for name, process in list(self._beside.items()):
            if process.poll() is not None:
                del self._beside[name]
                if process.returncode:
                    say(f"[yellow]![/] The {name} could not be made; {self._log(name)} says why.")
                else:
                    said = self._log(name).read_text(encoding="utf-8").strip().splitlines()
                    say(escape("\n".join(line for line in said if line.startswith(("✓", "!")))))

    def wait_until_listening(self, settings: AppSettings) -> None:
        deadline = time.monotonic() + START_SECONDS
        while any(port_is_free(settings.host, port) for port in (settings.port, settings.ui_port)):
            self._refuse_dead()
            if self._stopping or time.monotonic() > deadline:
                return
            time.sleep(0.1)

    def wait(self) -> None:
        """Return when asked to stop; raise when a process ends on its own."""
        while not self._stopping:
            self._refuse_dead()
            self._say_ended()
            time.sleep(0.2)
        say("Stopped.")

    def _refuse_dead(self) -> None:
        for name, process in self._running.items():
            if not self._stopping and process.poll() is not None:
                raise Unavailable(
                    f"The {name} ended with {process.returncode}.",
                    code="service_ended",
                    next_action="Its messages are above; customer360 doctor checks the set-up.",
                )

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
