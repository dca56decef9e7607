"""A `lakeorch` that has its libraries loaded, for tests that run a hundred commands.

Each command is a process of its own, as ever, but a fork of one that has done the imports, which take longer than most
commands do. `python -m tests.warm SOCKET` is that process: it ends when its standard input is closed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# sends its arguments, folder, environment and open files to the socket; without site-packages it starts in no time
CLIENT = """\
import json, os, socket, sys
there = socket.socket(socket.AF_UNIX)
there.connect(sys.argv[1])
asked = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(there, [len(asked).to_bytes(8, "big")], [0, 1, 2])
there.sendall(asked)
answer = there.recv(1)
sys.exit(answer[0] if answer else "the command died")
"""


_lock = threading.Lock()
_started: list[str] = []


def command() -> str:
    """The shell command that runs `lakeorch` by way of the warm process, which is started if it is not there yet."""
    with _lock:
        if not _started:
            _started.append(_start(Path(tempfile.mkdtemp(prefix="warm"))))
        return _started[0]


def _start(folder: Path) -> str:
    door, client = folder / "door", folder / "client.py"
    client.write_text(CLIENT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    # a process of its own session: Ctrl-C is for the tests, which end it by closing its standard input
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.warm", str(door)], stdin=subprocess.PIPE, env=environment, start_new_session=True
    )
    atexit.register(_stop, process, folder)
    deadline = time.monotonic() + 60
    while not door.exists():
        assert process.poll() is None, "the warm process ended"
        assert time.monotonic() < deadline, "the warm process did not start"
        time.sleep(0.02)
    return shlex.join([sys.executable, "-S", "-E", str(client), str(door)])


def _stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.communicate()
    shutil.rmtree(folder, ignore_errors=True)


def serve(door: str) -> None:
    """Forks for every caller until standard input is closed."""
    import duckdb  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import pyiceberg.catalog.sql  # noqa: F401
    import sqlglot  # noqa: F401

    import lakeorch.cases.running
    import lakeorch.project.file
    import lakeorch.project.running
    import lakeorch.project.survey  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.bind(door + ".new")
        waiting.listen(64)
        Path(door + ".new").rename(door)
        while True:
            ready, _, _ = select.select([waiting, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            caller, _ = waiting.accept()
            if os.fork() == 0:
                waiting.close()
                _run(caller)
            caller.close()


def _run(caller: socket.socket) -> None:
    """Does what the caller asks for in its place, and ends this process."""
    code = 70
    try:
        head, files, _, _ = socket.recv_fds(caller, 8, 3)
        size, text = int.from_bytes(head, "big"), b""
        while len(text) < size:
            text += caller.recv(size - len(text))
        arguments, folder, environment = json.loads(text)
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        from lakeorch.cli import main

        code = main(arguments)
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        caller.sendall(bytes([code]))
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
