"""Logs: one line an event, for machines or people, and nothing that may be a card."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.logs import configure_logging, describe_exception, log_loop_exceptions
from tests.operations.processes import ROOT

CARD = "4242424242424242"


class Output(io.TextIOWrapper):
    """A stream that remembers what was written to it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def lines(self) -> list[str]:
        return bytes(self.buffer.getvalue()).decode().splitlines()  # type: ignore[attr-defined]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def output() -> Iterator[Output]:
    """JSON logs of this process, at level info; put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = Output()
    configure_logging(level="info", format_="json", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def charge(number: str) -> None:
    """Fails with the card in a local, in the message, and in the cause's message."""
    card = number
    try:
        int(card + "x")
    except ValueError as error:
        raise RuntimeError(f"could not charge {card}") from error


def test_an_event_is_one_line_of_json(output: Output) -> None:
    """Time in UTC, level, event, and what belongs to it."""
    structlog.get_logger().info("job", kind="payments", seconds=0.25, note="two\nlines")

    [event] = output.events()
    assert ("job", "info", "payments", 0.25) == (
        event["event"], event["level"], event["kind"], event["seconds"],
    )  # fmt: skip
    assert event["timestamp"].endswith("Z")


def test_the_level_filters(output: Output) -> None:
    """What is below the level costs next to nothing and is not written."""
    structlog.get_logger().debug("detail")
    structlog.get_logger().warning("matter")

    assert ["matter"] == [event["event"] for event in output.events()]


def test_the_requests_id_is_in_every_line(output: Output) -> None:
    """What is bound to the context stands in each line that is written in it."""
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        structlog.get_logger().info("inside")
    structlog.get_logger().info("outside")

    assert ["req_1", None] == [event.get("request_id") for event in output.events()]


def test_an_exception_is_logged_without_its_words(output: Output) -> None:
    """Types and frames of it and its cause; no message, no local, so no card."""
    try:
        charge(CARD)
    except RuntimeError:
        structlog.get_logger().exception("charge_failed", order_id="order_1")

    [event] = output.events()
    assert ["builtins.RuntimeError", "builtins.ValueError"] == [
        each["type"] for each in event["exception"]
    ]
    assert event["exception"][0]["frames"][-1].endswith(" charge")
    assert CARD not in output.lines()[0]


def test_other_libraries_are_logged_without_what_they_quote(output: Output) -> None:
    """Of a record of the standard library the template is kept, not what fills it."""
    try:
        charge(CARD)
    except RuntimeError as error:
        logging.getLogger("aiohttp.server").warning("Error handling %s", CARD, exc_info=error)
    logging.getLogger("asyncpg").debug("statement %s", CARD)

    [event] = output.events()
    assert ("library", "aiohttp.server", "Error handling %s") == (
        event["event"], event["logger"], event["text"],
    )  # fmt: skip
    assert CARD not in output.lines()[0]


async def test_what_nobody_awaited_is_logged_without_its_words(output: Output) -> None:
    """asyncio itself would print the exception with its text."""
    loop = asyncio.get_running_loop()
    log_loop_exceptions(loop)

    async def fail() -> None:
        charge(CARD)

    task = asyncio.create_task(fail(), name="charging")
    await asyncio.wait([task])
    del task
    await asyncio.sleep(0)

    [event] = output.events()
    assert ("loop_exception", "charging") == (event["event"], event["task"])
    assert "builtins.RuntimeError" == event["exception"][0]["type"]
    assert CARD not in output.lines()[0]


def test_asyncios_own_report_loses_all_but_its_first_line(output: Output) -> None:
    """Before our handler is there, the exception stands below the first line."""
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: {CARD}")

    assert "Task exception was never retrieved" == output.events()[0]["text"]
    assert CARD not in output.lines()[0]


def test_objects_are_logged_by_their_type_alone(output: Output) -> None:
    """A repr may hold anything."""

    class Card:
        def __repr__(self) -> str:
            return CARD

    structlog.get_logger().info("odd", card=Card(), error=ValueError(CARD))

    [event] = output.events()
    assert "<test_objects_are_logged_by_their_type_alone.<locals>.Card>" == event["card"]
    assert "ValueError" == event["error"]


def test_groups_name_what_is_in_them() -> None:
    """Of an exception group the types of its members are kept."""
    group = ExceptionGroup(CARD, [ValueError(CARD), KeyError(CARD)])

    [described] = describe_exception(group)

    assert ["KeyError", "ValueError"] == described["group"]


def test_a_terminal_gets_text_for_people() -> None:
    """The console format has the same safety."""
    stream = Output()
    configure_logging(level="info", format_="console", stream=stream)
    try:
        charge(CARD)
    except RuntimeError:
        structlog.get_logger().exception("charge_failed")
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers.clear()

    text = "\n".join(stream.lines())
    assert "charge_failed" in text
    assert "builtins.RuntimeError" in text
    assert CARD not in text


async def test_lines_of_a_turn_are_written_together_and_errors_at_once(output: Output) -> None:
    """A busy loop writes once a turn; what may be the last words is not kept waiting."""
    logger = structlog.get_logger()
    logger.info("first")
    kept = output.lines()
    logger.error("second")
    written = output.lines()

    assert [] == kept
    assert 2 == len(written)


def test_a_reader_that_left_does_not_stop_the_gateway(tmp_path: Path) -> None:
    """Logging into a closed pipe is no reason to lose a payment."""
    code = (
        "from gateway.logs import configure_logging\n"
        "import structlog, os\n"
        "configure_logging(level='info', format_='json')\n"
        "for _ in range(1000): structlog.get_logger().info('line', text='x' * 1000)\n"
        f"open({str(tmp_path / 'alive')!r}, 'w').close()\n"
        "os._exit(0)\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=writing, cwd=ROOT, check=False, timeout=30
    )
    os.close(writing)

    assert 0 == done.returncode
    assert (tmp_path / "alive").exists()
