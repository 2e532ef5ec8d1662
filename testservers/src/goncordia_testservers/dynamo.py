"""DynamoDB Local, Amazon's own, out of Maven's repository; over HTTP on a port of its own.

It listens on every interface, which it can't be told not to, and takes any credentials.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from goncordia_testservers.process import (
    NotInstalled,
    OwnServer,
    ServerFailed,
    ServerProcess,
    free_port,
)

ELSEWHERE = "GONCORDIA_TEST_DYNAMODB"
"""The environment variable that points at a server to use instead: its endpoint's URL."""

VERSION = "3.3.1"
MAIN = "software.amazon.dynamodb.services.local.main.ServerRunner"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>goncordia</groupId><artifactId>dynamodb</artifactId><version>1</version>
<dependencies><dependency><groupId>software.amazon.dynamodb</groupId>
<artifactId>DynamoDBLocal</artifactId><version>{VERSION}</version></dependency></dependencies>
</project>"""


class Dynamo:
    """A server that runs, ours or another's."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is its URL."""
        self.endpoint = endpoint

    def ready(self) -> bool:
        """Whether it answers."""
        parts = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()
        return True


class DynamoServer(OwnServer, Dynamo):
    """A server of one's own, in memory: `with` starts and removes it."""

    def __init__(self, memory: str = "512m") -> None:
        """`memory` is the most that its heap may take, as Java writes it."""
        self.process = ServerProcess("dynamodb")
        self._memory = memory
        self._port = free_port()
        super().__init__(f"http://127.0.0.1:{self._port}")

    def begin(self) -> None:
        """Start it, in some two seconds."""
        jars = _jars()
        options = [f"-Xmx{self._memory}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        places = [f"-D{name}library.path={jars}" for name in ("java.", "sqlite4java.")]
        serve = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(self._port)]
        command = [_program("java"), *options, *places, "-cp", f"{jars}/*", MAIN, *serve]
        self.process.start(command, self.ready)


@contextmanager
def shared() -> Generator[Dynamo]:
    """The server for a whole run: the one that the environment names, else one of its own."""
    elsewhere = os.environ.get(ELSEWHERE)
    if elsewhere:
        yield Dynamo(elsewhere)
    else:
        with DynamoServer() as server:
            yield server


def _jars() -> Path:
    """The server with all that it needs, fetched by Maven the first time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "goncordia" / f"dynamodb-local-{VERSION}"
    if not home.exists():
        maven = _program("mvn")
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as made:
            _fetch(maven, Path(made))
            try:
                (Path(made) / "jars").rename(home)
            except OSError:  # somebody else was quicker
                if not home.exists():
                    raise
    return home


def _fetch(maven: str, folder: Path) -> None:
    (folder / "pom.xml").write_text(POM)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=jars"]
    result = subprocess.run(
        [maven, "-B", "-q", *goal], cwd=folder, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise ServerFailed(f"Maven could not fetch DynamoDB Local:\n{result.stdout[-2000:]}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotInstalled(
            f"{name} is missing, and DynamoDB Local for tests needs Java 17 and Maven: run "
            f"scripts/servers, or let {ELSEWHERE} name a running server"
        )
    return found
