"""The running gateway does what its document says, whatever it is asked."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from gateway.app import Gateway
from gateway.seeding import TEST_KEY, TEST_SECRET
from gateway.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
EXAMPLES_MAX = 4
MINUTES_MAX = 8


async def test_schemathesis_finds_nothing(
    settings_without_controls: Settings, tmp_path: Path
) -> None:
    """All checks, all phases: no 500, no answer or header that the document does not describe,
    no request let through that it forbids, none refused that it allows.
    """
    gateway = Gateway(settings_without_controls)
    await gateway.start()
    try:
        process = await asyncio.create_subprocess_exec(
            str(SCHEMATHESIS),
            f"--config-file={Path(__file__).parent / 'schemathesis.toml'}",
            "run",
            f"http://127.0.0.1:{gateway.port}/openapi.json",
            f"--header=X-Api-Key: {TEST_KEY}",
            f"--header=X-Api-Secret: {TEST_SECRET}",
            "--checks=all",
            "--phases=examples,coverage,fuzzing,stateful",
            f"--max-examples={EXAMPLES_MAX}",
            "--generation-deterministic",
            "--continue-on-failure",
            "--request-timeout=30",
            "--no-color",
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "SCHEMATHESIS_HOOKS": "tests.openapi.generation",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(MINUTES_MAX * 60):
            output, _ = await process.communicate()
    finally:
        await gateway.stop()

    text = output.decode()
    assert 0 == process.returncode, text
    assert "Coverage" in text
