"""The desk as a process: what it serves, that it is alone on its home, and that it leaves nothing running."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.slow
KANGHENG = Path(sys.executable).with_name("kangheng")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, b""


def _descendants(parent: int) -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found |= {int(entry.parent.name)} | _descendants(int(entry.parent.name))
    return found


@pytest.fixture
def opened(make_home):
    """A home with a fix list and secrets, its desk open."""
    home, port = make_home(), _free_port()
    listed = home / "fixlists" / "2025Q4" / "s.f" / "清单.csv"
    listed.parent.mkdir(parents=True)
    listed.write_text("a list", encoding="utf-8")
    (home / "vault").mkdir()
    (home / "vault" / "key").write_text("secret", encoding="utf-8")
    (home / "fixlists" / "way_out").symlink_to(home / "vault")
    command = [KANGHENG, "ui", "--home", home, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for _ in range(240):
        try:
            _get(port, "/server_info")
            break
        except URLError:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.5)
    yield home, port, process
    process.kill()
    process.stdout.close()


def test_a_port_that_is_taken_is_named(make_home):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        command = [KANGHENG, "ui", "--home", make_home(), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert port in done.stderr
    assert "--port" in done.stderr


def test_a_desk_serves_what_it_links_to_and_nothing_else_and_ends_with_all_it_started(opened):
    home, port, process = opened
    assert _get(port, "/home/fixlists/2025Q4/s.f/%E6%B8%85%E5%8D%95.csv") == (200, b"a list")
    assert b"select" in _get(port, "/program/sql/mart__residents.sql")[1].lower()
    for path in ("/home/fixlists/../vault/key", "/home/fixlists/%2e%2e/vault/key", "/home/fixlists/way_out/key"):
        assert _get(port, path)[0] == 404, path
    for folder in ("vault", "lake", "landing", "settings"):
        assert b"secret" not in _get(port, f"/home/{folder}/key")[1]

    again = subprocess.run(
        [KANGHENG, "ui", "--home", home, "--port", str(_free_port())], capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert str(home) in again.stderr

    started = _descendants(process.pid)
    assert len(started) >= 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    for _ in range(60):
        left = {pid for pid in started if os.path.exists(f"/proc/{pid}")}
        if not left:
            break
        time.sleep(0.5)
    assert left == set()
