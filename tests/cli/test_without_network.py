"""The whole path, from files to answers over HTTP, on a machine that reaches nothing but itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import skip_or_fail

pytestmark = pytest.mark.integration

IN_A_NETWORK_OF_ITS_OWN = ("unshare", "--map-root-user", "--net")

# Brings up the loopback of its empty network, shows that nothing lies beyond, and uses the product as a newcomer would.
PROGRAM = """
import fcntl, json, signal, socket, struct, subprocess, sys, time, urllib.request

with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError as error:
    beyond = error.strerror
command = [sys.executable, "-m", "customer360.cli", "up", "cdnow", "--from", sys.argv[1]]
process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

def get(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read().decode()

answers = {"beyond": beyond}
deadline = time.monotonic() + 240
while time.monotonic() < deadline and process.poll() is None and "page" not in answers:
    try:
        answers["customers"] = json.loads(get("http://127.0.0.1:8000/api/customers/?limit=1"))["rows_available"]
        answers["docs"] = get("http://127.0.0.1:8000/docs")
        answers["page"] = get("http://127.0.0.1:8501/")
    except OSError:
        time.sleep(0.3)
process.send_signal(signal.SIGINT)
answers["said"], answers["code"] = process.communicate(timeout=60)[0], process.returncode
print(json.dumps(answers))
"""


def test_files_become_answers_without_a_network(data_folder: Path, tmp_path: Path) -> None:
    if subprocess.run([*IN_A_NETWORK_OF_ITS_OWN, "true"], check=False, capture_output=True).returncode:
        skip_or_fail("this machine does not let a process have a network of its own (unshare --net)")
    program = [sys.executable, "-c", PROGRAM, str(data_folder / "cdnow")]
    done = subprocess.run(
        [*IN_A_NETWORK_OF_ITS_OWN, *program],
        env=os.environ | {"CUSTOMER360_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers["beyond"] == "Network is unreachable"
    assert answers["code"] == 0, answers["said"]
    assert answers["customers"] == 23_570
    assert "http://" not in answers["docs"].replace("http://127.0.0.1:8000", "")
    assert "https://" not in answers["docs"]
    assert "<html" in answers["page"]
