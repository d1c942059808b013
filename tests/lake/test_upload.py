"""Uploading, to a server that speaks S3: objects equal files, faults are named, nothing is sent twice."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner

from customer360.cli import app
from customer360.errors import Conflict, Customer360Error, InvalidSetting, NotFound, Unavailable
from customer360.lake.upload import UploadReport, upload_files

pytestmark = pytest.mark.integration

PART_BYTES = 5 << 20
BUCKET = "bank-files"


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    """The address of an S3 service of this session's own."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.fixture
def client(service: str, _credentials: None) -> Iterator[Any]:
    """A client of the service, which holds one empty bucket."""
    _ask(f"{service}/moto-api/reset")
    client = boto3.client("s3", endpoint_url=service)
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "deep").mkdir(parents=True)
    (folder / "customers.csv").write_text("customer_id\nCUST00000017\n")
    (folder / "deep" / "Größe 1.csv").write_text("size\n1\n")
    (folder / "empty.csv").touch()
    (folder / ".customers.csv.unfinished").write_text("customer_")
    return folder


def upload(service: str, path: Path, **options: Any) -> UploadReport:
    return upload_files(path, endpoint_url=service, **{"bucket": BUCKET, "part_bytes": PART_BYTES, **options})


def objects(client: Any) -> dict[str, bytes]:
    keys = [found["Key"] for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def _ask(address: str, body: bytes = b"") -> None:
    request = urllib.request.Request(address, body, {"Content-Type": "text/plain"}, method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


@pytest.mark.contract("S3.114")
def test_every_object_equals_its_file(service: str, client: Any, folder: Path) -> None:
    report = upload(service, folder, prefix="/raw/bank/")
    assert objects(client) == {
        "raw/bank/customers.csv": (folder / "customers.csv").read_bytes(),
        "raw/bank/deep/Größe 1.csv": b"size\n1\n",
        "raw/bank/empty.csv": b"",
    }
    assert report.sent == sorted(objects(client))
    assert report.bytes_sent == 32


@pytest.mark.contract("S3.114")
def test_a_large_file_is_sent_in_parts(service: str, client: Any, tmp_path: Path) -> None:
    path = tmp_path / "transactions.parquet"
    path.write_bytes(os.urandom(2 * PART_BYTES + 1))
    seen: list[tuple[str, int, int]] = []
    upload(service, path, progress=lambda *step: seen.append(step))
    assert client.head_object(Bucket=BUCKET, Key=path.name)["ETag"].strip('"').endswith("-3")
    assert objects(client) == {path.name: path.read_bytes()}
    size = path.stat().st_size
    assert seen[-1] == (path.name, size, size)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert len(seen) > 3
    assert upload(service, path) == UploadReport(BUCKET, unchanged=[path.name])


@pytest.mark.contract("S3.114")
def test_what_lies_there_with_the_same_content_is_not_sent_again(service: str, client: Any, folder: Path) -> None:
    first = upload(service, folder)
    stored = {key: client.head_object(Bucket=BUCKET, Key=key)["LastModified"] for key in first.sent}
    again = upload(service, folder)
    assert dataclasses.asdict(again) == {"bucket": BUCKET, "sent": [], "unchanged": first.sent, "bytes_sent": 0}
    assert stored == {key: client.head_object(Bucket=BUCKET, Key=key)["LastModified"] for key in first.sent}
    (folder / "customers.csv").write_text("customer_id\nCUST00000018\n")
    assert upload(service, folder).sent == ["customers.csv"]
    assert objects(client)["customers.csv"].endswith(b"18\n")


def test_an_object_of_another_origin_is_replaced(service: str, client: Any, folder: Path) -> None:
    content = (folder / "customers.csv").read_bytes()
    client.put_object(Bucket=BUCKET, Key="customers.csv", Body=b"x" * len(content))
    assert "customers.csv" in upload(service, folder).sent
    assert objects(client)["customers.csv"] == content


@pytest.mark.contract("S3.114")
@pytest.mark.parametrize("size", [10, 2 * PART_BYTES])
def test_a_missing_bucket_is_named(service: str, client: Any, tmp_path: Path, size: int) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes(b"x" * size)
    with pytest.raises(NotFound, match="'never-made'") as fault:
        upload(service, path, bucket="never-made")
    assert fault.value.code == "bucket_not_found"
    assert "aws s3 mb s3://never-made" in fault.value.next_action


def test_refused_credentials_are_told_from_missing_ones(
    service: str, client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ask(f"{service}/moto-api/reset-auth", b"0")
    try:
        with pytest.raises(InvalidSetting, match=r"'bank-files' \(InvalidAccessKeyId\)") as refused:
            upload(service, folder)
    finally:
        _ask(f"{service}/moto-api/reset-auth", b"Infinity")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(InvalidSetting, match="'bank-files'") as missing:
        upload(service, folder)
    assert (refused.value.code, missing.value.code) == ("credentials_refused", "credentials_missing")
    assert "AWS_ACCESS_KEY_ID" in missing.value.next_action


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"bucket": "No Bucket"}, "invalid_input", "'No Bucket'"),
        ({"endpoint_url": "localhost:9000"}, "invalid_input", "localhost:9000"),
        ({"path": "nowhere"}, "source_not_found", "nowhere"),
        ({"path": "hollow"}, "invalid_input", "holds no file"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    service: str, folder: Path, tmp_path: Path, options: dict[str, str], code: str, words: str
) -> None:
    (tmp_path / "hollow").mkdir()
    asked: dict[str, Any] = {"bucket": BUCKET, "endpoint_url": service, "path": folder, **options}
    if "path" in options:
        asked["path"] = tmp_path / options["path"]
    with pytest.raises(Customer360Error) as fault:
        upload_files(**asked)
    assert fault.value.code == code
    assert words in fault.value.message
    assert fault.value.next_action


def test_a_service_that_nobody_runs_is_not_reached(folder: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Unavailable, match=address) as fault:
            upload(address, folder)
    assert fault.value.code == "endpoint_unreachable"
    assert BUCKET in fault.value.message


def test_a_service_that_fails_is_reported_with_its_words(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_answer_500, args=(listener,), daemon=True).start()
        with pytest.raises(Unavailable, match="out of order") as fault:
            upload(f"http://127.0.0.1:{listener.getsockname()[1]}", folder)
    assert fault.value.code == "upload_failed"


def _answer_500(listener: socket.socket) -> None:
    body = b"<Error><Code>InternalError</Code><Message>out of order</Message></Error>"
    head = f"HTTP/1.1 500 Broken\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            asked = connection.recv(1 << 16)
            connection.sendall(head if asked.startswith(b"HEAD") else head + body)


def test_a_file_that_changes_on_the_way_is_refused(service: str, client: Any, folder: Path) -> None:
    path = folder / "customers.csv"

    def write_more(*_: object) -> None:
        with path.open("a") as file:
            file.write("CUST00000099\n")

    with pytest.raises(Conflict, match="changed while it was sent"):
        upload(service, path, progress=write_more)


def test_without_boto3_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("boto3", "boto3.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Unavailable, match="boto3") as fault:
        upload_files(folder, bucket=BUCKET)
    assert fault.value.code == "extra_missing"
    assert "customer360[aws]" in fault.value.next_action


@pytest.mark.contract("S3.114")
def test_the_command_says_what_it_sent(service: str, client: Any, folder: Path) -> None:
    command = ["upload", str(folder), "--bucket", BUCKET, "--prefix", "raw", "--endpoint-url", service]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0
    assert "Sent 3 files to bank-files; 0 were there already." in said.stdout
    answer = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert answer == {"ok": True, "bucket": BUCKET, "sent": [], "unchanged": sorted(objects(client)), "bytes_sent": 0}


def test_the_command_names_a_missing_bucket(service: str, folder: Path) -> None:
    command = ["upload", str(folder), "--bucket", "never-made", "--endpoint-url", service]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 3
    assert "There is no bucket 'never-made'" in said.stderr
    assert json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)["code"] == "bucket_not_found"
