"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from goncordia_testservers.dynamo import Dynamo

TEXT = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_examples_do_what_they_say(dynamodb: Dynamo) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
    [printed] = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    where = {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb.endpoint, "AWS_REGION": "local"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **where, "AWS_DEFAULT_REGION": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (printed, 0), done.stderr
