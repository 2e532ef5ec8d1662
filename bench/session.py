"""One run over a store's subjects: which turns there are, and who takes them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Barrier, BrokenBarrierError

from environments import NotMade, python
from measure import OURS, RAW, Group, Turn
from measures import OBSERVED, PERCENT, PICKUP, RATE, RATES, Scale, unit
from remote import PATIENCE, Failed, NotStarted, Remote
from stores import STORES, Entry, Place

HERE = Path(__file__).parent
FULL = Scale(5000, 0.6)
QUICK = Scale(400, 0.15, claims=3, pickups=1, held=200, many=10_000)
LEFT_OUT = ("batch 100", "pool 1", "pool 1 wait 5ms", "pool 10 wait 5ms")
"""By a quick run, which repeats nothing, and takes the others of asyncio alone; of what several
processes share it takes the first."""
ON_OTHER_LOOPS = ("enqueue", "pool 10", "pool 100")
"""Measured on trio and uvloop too, by those who run there."""
WORDS = {2: "two", 4: "four"}
WASTE = "wasted writes"
STOCKS = {"queued": (1, 0), "finished": (0, 1)}


@dataclass
class Bench:
    """One run over a store's subjects."""

    store: str
    place: Place
    quick: bool
    log: Path
    pythons: dict[str, Path] = field(default_factory=dict[str, Path])
    remotes: dict[str, Remote] = field(default_factory=dict[str, Remote])
    failures: dict[str, str] = field(default_factory=dict[str, str])
    """Of a subject, or of it and a measure, and why."""
    gaps: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """What a subject does not have."""
    seconds: list[Remote] = field(default_factory=list[Remote])
    """Second processes of the same subject."""
    spent: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """Seconds that a measure took, by it and its subject."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The store's subjects, whether they can be had or not."""
        return STORES[self.store].subjects

    @property
    def scale(self) -> Scale:
        """How much of everything."""
        quick = replace(QUICK, held=0) if STORES[self.store].slow else QUICK
        return quick if self.quick else FULL

    def subjects(self, only: list[str], here: bool) -> Iterator[str]:
        """Install them; those that can be had."""
        for name, entry in self.entries.items():
            if only and name not in only:
                continue
            try:
                if not here:
                    self.pythons[name] = python(entry.environment, entry.requires)
            except NotMade as error:
                self.failures[name] = f"not installed: {error}"
                continue
            self.remotes[name] = self._remote(name)
            yield name

    def _remote(self, name: str) -> Remote:
        interpreter = self.pythons.get(name, Path(sys.executable))
        return Remote(interpreter, self.entries[name].module, self.place.url(name), self.log)

    def groups(self) -> Iterator[Group]:
        """All measures, in the order of the table."""
        for measure in RATES:
            if not (self.quick and measure in LEFT_OUT):
                yield self._rate(measure, "asyncio", "")
        units = dict(PICKUP)
        names = [n for n in self.remotes if self._is_in(n, "pickup")]
        yield Group(units, [self._turn(n, "pickup", "asyncio", units) for n in names])
        if STORES[self.store].crowd > 1:
            for size, wait in STORES[self.store].shared[: 1 if self.quick else None]:
                yield self._processes(size, wait)
        for loop in () if self.quick else ("uvloop", "trio"):
            for measure in ON_OTHER_LOOPS:
                yield self._rate(measure, loop, f" {loop}")
        yield Group(
            OBSERVED, [Turn(n, self._observe(n)) for n in self.remotes if self._is_in(n, "")]
        )
        for kind, share in STOCKS.items():
            for size in STORES[self.store].backlogs[: -1 if self.quick else None]:
                yield self._claim(kind, (share[0] * size, share[1] * size), size)

    def _rate(self, measure: str, loop: str, suffix: str) -> Group:
        units = {measure + suffix: unit(measure)}
        names = [n for n in self.remotes if loop in self.entries[n].loops]
        names = [n for n in names if self._is_in(n, measure)]
        return Group(units, [self._turn(n, measure, loop, units) for n in names])

    def _processes(self, size: int, wait: int) -> Group:
        """One process, and several, that share what waits: for a moment, as it must not run out."""
        store = STORES[self.store]
        what = f"pool {size}" + (f" wait {wait}ms" if wait else "")
        names = {1: f"{what} one process", store.crowd: f"{what} {WORDS[store.crowd]} processes"}
        bare = store.bare and not (wait or (self.quick and store.slow))
        whose = (OURS, RAW) if bare else (OURS,)
        subjects = [subject for subject in whose if subject in self.remotes]
        crowds = {
            subject: [self._remote(subject) for _ in range(1, store.crowd)] for subject in subjects
        }
        self.seconds += [each for crowd in crowds.values() for each in crowd]

        def turn(subject: str, n: int) -> Turn:
            def take() -> dict[str, float]:
                working = [self.remotes[subject], *crowds[subject]][:n]
                working[0].take("fill", "asyncio", self.scale)
                share = partial(self._share, f"share {size} {wait}", Barrier(n, timeout=PATIENCE))
                with ThreadPoolExecutor(n) as threads:
                    return shares(names[n], waste, list(threads.map(share, working)))

            return Turn(subject, lambda: self._tried(subject, names[n], take))

        waste = what.replace(f"pool {size}", WASTE)
        units = {**dict.fromkeys(names.values(), RATE), waste: PERCENT}
        return Group(units, [turn(subject, n) for subject in subjects for n in names])

    def _share(self, measure: str, ready: Barrier, remote: Remote) -> dict[str, float]:
        def wait(what: str) -> None:
            ready.wait()

        try:
            return remote.take(measure, "asyncio", self.scale, mark=wait) or {"share": 0.0}
        except BrokenBarrierError as error:
            raise Failed("another process did not begin") from error

    def _claim(self, kind: str, stock: tuple[int, int], size: int) -> Group:
        name = f"claim 100 at {size // 1000}k {kind}"
        units = {name: unit("claim")}
        subjects = [n for n in self.remotes if n in (OURS, RAW) and self._is_in(n, "claim")]
        return Group(units, [self._turn(n, name, "asyncio", units, stock) for n in subjects])

    def _is_in(self, subject: str, measure: str) -> bool:
        return measure.startswith(self.entries[subject].only)

    def _turn(
        self,
        subject: str,
        measure: str,
        loop: str,
        units: Mapping[str, str],
        stock: tuple[int, int] | None = None,
    ) -> Turn:
        stocked = iter([stock])

        def take() -> dict[str, float]:
            taken = self.remotes[subject].take(measure, loop, self.scale, next(stocked, None))
            if taken is None:
                self.gaps.add((subject, measure))
                return {}
            return dict(zip(units, taken.values(), strict=True))

        return Turn(subject, lambda: self._tried(subject, measure, take))

    def _observe(self, subject: str) -> Callable[[], dict[str, float]]:
        def take() -> dict[str, float]:
            self.remotes[subject].close()  # a process that has grown by nothing else
            seen: dict[str, int] = {}
            with self.place.counting(subject) as count:
                taken = self.remotes[subject].take(
                    "observed",
                    "asyncio",
                    self.scale,
                    mark=lambda what: seen.update({what: count()} if count else {}),
                )
            self.remotes[subject].close()
            return observed(taken or {}, seen)

        return lambda: self._tried(subject, "observed", take)

    def _tried(
        self, subject: str, measure: str, take: Callable[[], dict[str, float]]
    ) -> dict[str, float]:
        done = {subject, f"{subject}, {measure}"} & self.failures.keys()
        if done or (subject, measure) in self.gaps:
            return {}
        say(f"{measure}: {subject}")
        began = time.perf_counter()
        try:
            return take()
        except NotStarted as error:
            self.failures[subject] = f"not started: {error}"
        except Failed as error:
            self.failures[f"{subject}, {measure}"] = str(error)
        finally:
            took = time.perf_counter() - began
            self.spent[measure, subject] = self.spent.get((measure, subject), 0.0) + took
        return {}


def observed(taken: Mapping[str, float], seen: Mapping[str, int]) -> dict[str, float]:
    """What the subject told, and what the server counted meanwhile."""
    figures = {name: taken[name] for name in OBSERVED if name in taken}
    if "jobs end" in seen and taken.get("jobs"):
        figures["queries per job"] = (seen["jobs end"] - seen["jobs begin"]) / taken["jobs"]
    if "idle ends" in seen and "idle seconds" in taken:
        figures["idle queries"] = (seen["idle ends"] - seen["idle begins"]) / taken["idle seconds"]
    return figures


def shares(name: str, waste: str, found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """What processes did together; of writes that were paid for, how many came to nothing."""
    told = {name: sum(each["share"] for each in found)}
    writes = sum(each.get("writes", 0.0) for each in found)
    if writes and len(found) > 1:
        told[waste] = sum(each["wasted"] for each in found) / writes * 100
    return told


def say(what: str) -> None:
    """Progress, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what} ...", end="", file=sys.stderr, flush=True)


@contextmanager
def running(store: str, quick: bool) -> Generator[Bench]:
    """A bench whose server runs; its subjects' processes end with the block."""
    log = HERE.parent / ".bench" / f"{store}.log"
    log.parent.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    with STORES[store].place() as place:
        bench = Bench(store, place, quick, log)
        try:
            yield bench
        finally:
            for remote in (*bench.remotes.values(), *bench.seconds):
                remote.close()
