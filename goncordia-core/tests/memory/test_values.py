from __future__ import annotations

from datetime import timedelta

from goncordia.answers import Cas
from goncordia.memory import Store

from .making import NOW, at


def test_who_expects_rightly_wins():
    store = Store()
    cas = store.compare_and_set
    assert cas("k", None, b"1", now=NOW) == Cas(True, b"1")
    assert cas("k", None, b"2", now=NOW) == Cas(False, b"1")
    assert cas("k", b"0", b"2", now=NOW) == Cas(False, b"1")
    assert cas("k", b"1", b"2", now=NOW) == Cas(True, b"2")
    assert cas("other", b"2", b"3", now=NOW) == Cas(False, None)


def test_none_removes():
    store = Store()
    store.compare_and_set("k", None, b"1", now=NOW)
    assert store.compare_and_set("k", b"1", None, now=NOW) == Cas(True, None)
    assert store.compare_and_set("k", None, b"2", now=NOW) == Cas(True, b"2")


def test_an_expired_value_is_absent():
    store = Store()
    ttl = timedelta(seconds=10)
    store.compare_and_set("k", None, b"1", ttl=ttl, now=NOW)
    assert store.compare_and_set("k", None, b"2", ttl=ttl, now=at(9)) == Cas(False, b"1")
    assert store.compare_and_set("k", b"1", b"1", ttl=ttl, now=at(9)) == Cas(True, b"1")
    assert store.compare_and_set("k", b"1", b"2", now=at(19)) == Cas(False, None)
    assert store.compare_and_set("k", None, b"2", now=at(19)) == Cas(True, b"2")
    assert store.compare_and_set("k", None, b"3", now=at(9999)) == Cas(False, b"2")
