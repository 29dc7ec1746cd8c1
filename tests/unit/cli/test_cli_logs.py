"""What is logged holds no address, not even where a traceback would show one."""

import io
import logging
import sys

import pytest
import structlog

from newsletter.cli import logs


@pytest.fixture(params=["console", "json"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Set the log up in each of its forms, and return where it goes."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    before = structlog.get_config()
    handlers = logging.getLogger().handlers[:]
    logs.configure("info", request.param)
    yield stream
    structlog.configure(**before)
    logging.basicConfig(handlers=handlers, force=True)


def test_a_traceback_names_nobody_and_shows_no_values(written: io.StringIO) -> None:
    secret_of_the_frame = "correct horse battery staple"  # noqa: F841 - what a careless renderer would print
    try:
        raise ValueError("cannot parse <ada@example.org>")
    except ValueError:
        structlog.get_logger("newsletter").exception("not taken in", said="by ada@example.org")
    told = written.getvalue()
    assert "cannot parse" in told
    assert "ada@example.org" not in told
    assert "battery" not in told
