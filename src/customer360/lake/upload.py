"""Sends files to an S3 bucket, large ones in parts, and nothing that lies there with the same content already.

Each object carries the SHA-256 of its file in its metadata, because an ETag says nothing of the content once an object
was sent in parts. boto3 is optional and slow to import, so it is imported where it is needed.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer360.errors import (
    Conflict,
    Customer360Error,
    InvalidInput,
    InvalidSetting,
    NotFound,
    Unavailable,
)
from customer360.workspace import hash_file

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

PART_BYTES = 16 << 20
"""Size of a part, and of the smallest file that is sent in parts; S3 takes no less than 5 MiB and 10,000 parts."""

CONNECT_SECONDS = 10
ATTEMPTS = 3
SHA256 = "sha256"
CREDENTIALS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, for a user who may write there."
_REFUSED = frozenset(
    {"403", "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}
)

Progress = Callable[[str, int, int], None]


@dataclass
class UploadReport:
    """What one upload did: the keys that were sent, the ones that were there already, and the bytes sent."""

    bucket: str
    sent: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    bytes_sent: int = 0


def upload_files(
    path: Path,
    *,
    bucket: str,
    prefix: str = "",
    endpoint_url: str | None = None,
    part_bytes: int = PART_BYTES,
    progress: Progress | None = None,
) -> UploadReport:
    """Send a file, or every file below a folder that nobody hid, under keys that start with ``prefix``.

    ``progress`` is called with a file's key, the bytes that are in the bucket and the bytes there will be.

    Raises:
        NotFound: there is nothing at ``path``, or no such bucket.
        InvalidInput: the folder is empty, or the bucket's name or the endpoint cannot be one.
        InvalidSetting: there are no credentials, or they were refused.
        Conflict: a file changed while it was sent.
        Unavailable: boto3 is not installed, or the service is not reached or fails.
    """
    files = _list_files(path, prefix)
    report = UploadReport(bucket)
    counter = _Counter(progress, sum(file.stat().st_size for _, file in files))
    with _explaining(bucket), closing(_client(bucket, endpoint_url)) as client:
        target = _Bucket(client, bucket, part_bytes)
        for key, file in files:
            _upload(target, report, key, file, counter)
    return report


class _Counter:
    """Adds up the bytes that the threads of a transfer report."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        self._lock = threading.Lock()

    def add(self, key: str, count: int) -> None:
        with self._lock:
            self._done += count
            if self._progress:
                self._progress(key, self._done, self._total)


def _list_files(path: Path, prefix: str) -> list[tuple[str, Path]]:
    """Return each file with its key, in the order of the keys."""
    start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    if path.is_file():
        return [(start + path.name, path)]
    if not path.is_dir():
        raise NotFound(
            f"There is no file or folder {path}.",
            code="source_not_found",
            next_action="Give the path of what should be uploaded.",
        )
    names = {file.relative_to(path): file for file in path.rglob("*") if file.is_file()}
    files = [(start + name.as_posix(), file) for name, file in names.items() if not _is_hidden(name)]
    if not files:
        raise InvalidInput(f"{path}: the folder holds no file.", next_action="Give a folder with files.")
    return sorted(files)


def _is_hidden(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts)


def _client(bucket: str, endpoint_url: str | None) -> Any:
    import boto3  # type: ignore[import-untyped]  # noqa: PLC0415
    from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415

    config = Config(connect_timeout=CONNECT_SECONDS, retries={"mode": "standard", "total_max_attempts": ATTEMPTS})
    try:
        return boto3.Session().client("s3", endpoint_url=endpoint_url, config=config)
    except ValueError as error:
        raise InvalidInput(
            f"Nothing was sent to {bucket!r}: {error}.",
            next_action="Write --endpoint-url (or AWS_ENDPOINT_URL) like https://s3.example.com:9000.",
        ) from error


@dataclass(frozen=True)
class _Bucket:
    """One bucket, by the client of the service that holds it."""

    client: Any
    name: str
    part_bytes: int

    def holds(self, key: str, size: int, sha256: str) -> bool:
        """Return whether the object is what the file is; where the service does not say, sending it will tell why."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            found = self.client.head_object(Bucket=self.name, Key=key)
        except ClientError:
            return False
        return bool(found["ContentLength"] == size and found["Metadata"].get(SHA256) == sha256)

    def send(self, key: str, file: Path, sha256: str, sent: Callable[[int], None]) -> None:
        from boto3.s3.transfer import TransferConfig  # type: ignore[import-untyped]  # noqa: PLC0415

        self.client.upload_file(
            str(file),
            self.name,
            key,
            ExtraArgs={"Metadata": {SHA256: sha256}},
            Callback=sent,
            Config=TransferConfig(multipart_threshold=self.part_bytes, multipart_chunksize=self.part_bytes),
        )


def _upload(target: _Bucket, report: UploadReport, key: str, file: Path, counter: _Counter) -> None:
    before = file.stat()
    sha256 = hash_file(file)
    count = functools.partial(counter.add, key)
    if target.holds(key, before.st_size, sha256):
        report.unchanged.append(key)
        count(before.st_size)
        return
    target.send(key, file, sha256, count)
    after = file.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise Conflict(
            f"{file} changed while it was sent to {target.name}.",
            code="source_changed",
            next_action="Run the command again once nobody writes to it.",
        )
    report.sent.append(key)
    report.bytes_sent += before.st_size


@contextmanager
def _explaining(bucket: str) -> Iterator[None]:
    """Turn what boto3 raises into our errors, each with the bucket and what to do next."""
    try:
        from boto3.exceptions import S3UploadFailedError  # type: ignore[import-untyped]  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable(
            f"Sending files to {bucket} needs boto3, which is not installed.",
            code="extra_missing",
            next_action="Install the extra: pip install 'customer360[aws]'.",
        ) from error
    try:
        yield
    except S3UploadFailedError as error:
        cause = error.__context__
        raise (_refused(bucket, cause) if isinstance(cause, ClientError) else _failed(bucket, error)) from error
    except ClientError as error:
        raise _refused(bucket, error) from error
    except BotoCoreError as error:
        raise _not_reached(bucket, error) from error


def _refused(bucket: str, error: ClientError) -> Customer360Error:
    """Return what it means that the service answered with an error."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code == "NoSuchBucket":
        return NotFound(
            f"There is no bucket {bucket!r}.",
            code="bucket_not_found",
            next_action=f"Create it (aws s3 mb s3://{bucket}), or give another --bucket.",
        )
    if code in _REFUSED:
        return InvalidSetting(
            f"The credentials may not write to the bucket {bucket!r} ({code}).",
            code="credentials_refused",
            next_action=CREDENTIALS,
        )
    return _failed(bucket, error)


def _not_reached(bucket: str, error: BotoCoreError) -> Customer360Error:
    """Return what it means that a request was not made, or not answered."""
    import botocore.exceptions as botocore  # type: ignore[import-untyped]  # noqa: PLC0415

    if isinstance(error, botocore.ParamValidationError):
        return InvalidInput(
            f"{bucket!r} cannot be the name of a bucket, or a file's name cannot be a key.",
            next_action="Bucket names are 3 to 63 lower-case letters, digits, dots and hyphens.",
            details=[{"field": "bucket", "value": bucket, "message": str(error)}],
        )
    if isinstance(
        error,
        botocore.NoCredentialsError
        | botocore.PartialCredentialsError
        | botocore.CredentialRetrievalError
        | botocore.ProfileNotFound,
    ):
        return InvalidSetting(
            f"There are no credentials for the bucket {bucket!r}: {error}.",
            code="credentials_missing",
            next_action=CREDENTIALS,
        )
    if isinstance(error, botocore.ConnectionError | botocore.HTTPClientError):
        return Unavailable(
            f"The service that should hold the bucket {bucket!r} is not reached: {error}.",
            code="endpoint_unreachable",
            next_action="Check --endpoint-url (or AWS_ENDPOINT_URL) and the network, and run the command again.",
        )
    return _failed(bucket, error)


def _failed(bucket: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"The files could not be sent to the bucket {bucket!r}: {error}.",
        code="upload_failed",
        next_action="Run the command again; what arrived is not sent twice.",
    )
