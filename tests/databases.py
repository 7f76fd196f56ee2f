"""A real PostgreSQL for the tests: one server a session, a database cloned from a template for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url

NUMBERS = itertools.count(1)
