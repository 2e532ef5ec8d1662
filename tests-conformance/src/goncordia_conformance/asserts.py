"""Plain `assert` in the cases tells its values, as in an author's own tests; import this first."""

from __future__ import annotations

import pytest

REWRITTEN = tuple(
    f"goncordia_conformance.{name}" for name in ("cases", "races", "faults", "bench", "refused")
)
pytest.register_assert_rewrite(*REWRITTEN)
