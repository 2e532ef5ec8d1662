"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def description() -> str:
    """Processor, cores, memory, kernel and Python, in a line."""
    cpu = _found("/proc/cpuinfo", r"model name\s*: (.+)") or platform.processor() or "a processor"
    memory = int(_found("/proc/meminfo", r"MemTotal:\s*(\d+) kB") or 0) / 2**20
    return (
        f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _found(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return ""
    return found[1].strip() if found else ""
