"""The migrations that the documentation gives for Alembic and for Django do what `migrate` does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest
from goncordia.answers import Insertion
from goncordia.ids import uuid7
from goncordia.jobs import NewJob
from goncordia_postgres import SyncPostgresDriver
from psycopg.conninfo import conninfo_to_dict

PAGE = Path(__file__).parents[2] / "docs/how-to/postgresql.md"
FILE = re.compile(r'^```py title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
FILES = dict(FILE.findall(PAGE.read_text()))

SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", **{params}}}}}
"""
SHAPE = """
SELECT c.relname::text, c.relkind::text, c.reloptions::text, a.attname::text,
    format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
WHERE n.nspname = 'goncordia' ORDER BY 1, a.attnum"""


def run(folder: Path, *words: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr


def alembic(folder: Path, url: str) -> None:
    run(folder, "alembic", "init", "migrations")
    config = folder / "alembic.ini"
    theirs = url.replace("postgresql:", "postgresql+psycopg:").replace("%", "%%")
    told = re.sub(r"(?m)^sqlalchemy\.url = .*$", f"sqlalchemy.url = {theirs}", config.read_text())
    config.write_text(told)
    write(folder, "migrations/versions/0001_jobs.py")
    run(folder, "alembic", "upgrade", "head")
    run(folder, "alembic", "upgrade", "head", "--sql")


def django(folder: Path, url: str) -> None:
    given = conninfo_to_dict(url)
    params = {"NAME": given.pop("dbname")}
    params |= {name.upper(): str(value) for name, value in given.items()}
    (folder / "settings.py").write_text(SETTINGS.format(params=params))
    write(folder, "shop/migrations/0001_jobs.py")
    for package in ("shop", "shop/migrations"):
        (folder / package / "__init__.py").touch()
    run(folder, "django", "migrate", "--settings=settings", "--pythonpath=.")
    run(folder, "django", "sqlmigrate", "shop", "0001", "--settings=settings", "--pythonpath=.")


def write(folder: Path, name: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FILES[name])


def shape(url: str) -> Sequence[object]:
    with psycopg.connect(url) as connection:
        return connection.execute(SHAPE).fetchall()


@pytest.mark.parametrize("migrate", [alembic, django])
def test_it_makes_the_schema(
    migrate: Callable[[Path, str], None], postgres_url: str, tmp_path: Path, postgres
) -> None:
    migrate(tmp_path, postgres_url)
    with SyncPostgresDriver(postgres_url) as driver:
        assert driver.migrate() == []
        assert driver.insert([NewJob(uuid7(), "k", b"{}")])[0].status is Insertion.CREATED
    with postgres.database() as other, SyncPostgresDriver(other) as driver:
        driver.migrate()
        assert shape(other)
        assert shape(postgres_url) == shape(other)
