"""What the proxies of a run did to its drivers, to be printed when all tests are done."""

from __future__ import annotations

from collections import Counter

TOLD: Counter[str] = Counter()
