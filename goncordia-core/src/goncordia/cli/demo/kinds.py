"""What the shop's jobs are, and how each of them is to end: the audit compares with it."""

from __future__ import annotations

from typing import NamedTuple

from goncordia.args import Args
from goncordia.jobs import Hold
from goncordia.lifecycle import State
from goncordia.unique import Unique

ORDINARY, LATER = 0, -1
"""Priorities. What is special comes last, so that the killed worker held ordinary jobs."""


class Charge(Args, kind="charge"):
    """Take the money; the payment is written in the transaction that completes the job."""

    order: int


class Confirm(Args, kind="confirm"):
    """Send a mail, from a plain function in a thread."""

    order: int


class Reserve(Args, kind="reserve", priority=LATER):
    """Fails twice, then succeeds."""

    order: int


class CheckVat(Args, kind="check_vat", priority=LATER):
    """Is discarded."""

    order: int


class AskReview(Args, kind="ask_review", priority=LATER):
    """Is scheduled a second ahead."""

    order: int


class FetchRate(Args, kind="fetch_rate", priority=LATER):
    """Runs into its timeout, and succeeds the second time."""

    order: int


class ExportBooks(Args, kind="export_books", priority=LATER):
    """Runs until it is cancelled."""

    order: int


class DailyReport(Args, kind="daily_report", priority=LATER, unique=Unique(hold=Hold.KEPT)):
    """Asked for by many orders, wanted once."""

    day: str


OrderArgs = Charge | Confirm | Reserve | CheckVat | AskReview | FetchRate | ExportBooks


class Fate(NamedTuple):
    """How the jobs of a kind end when no worker is killed."""

    state: State
    attempts: int = 1
    errors: tuple[str, ...] = ()
    """The types of the errors that are kept."""


FATES: dict[type[Args], Fate] = {
    Charge: Fate(State.COMPLETED),
    Confirm: Fate(State.COMPLETED),
    Reserve: Fate(State.COMPLETED, 3, ("OutOfStock", "OutOfStock")),
    CheckVat: Fate(State.DISCARDED, 1, ("Discard",)),
    AskReview: Fate(State.COMPLETED),
    FetchRate: Fate(State.COMPLETED, 2, ("JobTimeout",)),
    ExportBooks: Fate(State.CANCELLED, 1, ("JobCancelled",)),
    DailyReport: Fate(State.COMPLETED),
}
