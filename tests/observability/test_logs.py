"""Logs are JSON lines, or text for people; whoever speaks, one form; and never a secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from proxy.observability.logs import configure, get_logger


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def fail_with(password: str) -> None:
    raise RuntimeError(f"bad {len(password)}")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_logger_message_and_facts(stream: io.StringIO):
    configure(stream=stream)
    get_logger("doorkeeper.session").warning("TLS handshake failed", listener="clients", host="10.0.0.7")
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "message": "TLS handshake failed",
        "level": "warning",
        "logger": "doorkeeper.session",
        "listener": "clients",
        "host": "10.0.0.7",
    }


def test_other_libraries_come_out_in_the_same_form(stream: io.StringIO):
    configure(stream=stream)
    logging.getLogger("asyncio").error("%s was never retrieved", "an exception", extra={"task": "t1"})
    (line,) = lines(stream)
    assert (line["message"], line["level"], line["logger"], line["task"]) == (
        "an exception was never retrieved",
        "error",
        "asyncio",
        "t1",
    )


@pytest.mark.parametrize(("level", "told"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_bounds_what_is_told(stream: io.StringIO, level: str, told: int):
    configure(level, stream)
    logger = get_logger("doorkeeper")
    for each in (logger.debug, logger.info, logger.warning, logger.error):
        each("said")
    assert len(lines(stream)) == told


def test_an_unknown_level_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="found log level 'loud', expected one of debug, info, warning, error"):
        configure("loud")


@pytest.mark.parametrize("text", [True, False])
def test_a_traceback_shows_the_way_but_no_values_of_variables(stream: io.StringIO, text: bool):
    configure(stream=stream, text=text)
    secrets = ["hunter2"]
    try:
        fail_with(secrets[0])
    except RuntimeError as error:
        get_logger("doorkeeper").error("bug", exc_info=error)
    assert "RuntimeError: bad 7" in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_a_line_break_of_a_client_makes_no_second_line(stream: io.StringIO):
    configure(stream=stream)
    get_logger("doorkeeper").warning("authentication failed", username='eve\n{"message": "all is well"}')
    assert len(stream.getvalue().splitlines()) == 1


def test_a_terminal_gets_text():
    stream = Terminal()
    configure(stream=stream)
    get_logger("doorkeeper").info("listening", bind="127.0.0.1:9092")
    assert "listening" in stream.getvalue()
    assert "127.0.0.1:9092" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


def test_configuring_again_replaces_what_was(stream: io.StringIO):
    configure(stream=io.StringIO())
    configure(stream=stream)
    get_logger("doorkeeper").info("once")
    assert len(lines(stream)) == 1
