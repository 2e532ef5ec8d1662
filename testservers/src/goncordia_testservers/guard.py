"""Runs one server, and ends it when its owner says so or is gone, however the owner ended.

Started as a script. Each line of its input is the number of a signal to pass on. The end of the
input is the end of the owner, a killed one too: the server is sent SIGNAL, and its folder is
removed. It writes the server's process id, and exits with the server.

    guard.py SIGNAL USER FOLDER COMMAND...     USER is '' for the owner's own
"""

from __future__ import annotations

import pwd
import shutil
import subprocess
import sys
import threading
from pathlib import Path

PATIENCE = 10.0
"""Seconds in which an abandoned server is to end by itself."""


def main() -> int:
    """Run the server to its end."""
    signal, user, folder, *command = sys.argv[1:]
    with (Path(folder) / "log").open("ab") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=user or None,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
        )
    print(server.pid, flush=True)  # noqa: T201 - it is asked for
    abandoned = threading.Event()
    threading.Thread(target=_obey, args=(server, int(signal), abandoned), daemon=True).start()
    code = server.wait()
    if abandoned.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _obey(server: subprocess.Popen[bytes], last: int, abandoned: threading.Event) -> None:
    for line in sys.stdin:
        server.send_signal(int(line))
    abandoned.set()
    server.send_signal(last)
    try:
        server.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    sys.exit(main())
