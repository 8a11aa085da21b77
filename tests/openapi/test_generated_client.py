"""A client that a stranger's tool makes of the document takes a payment."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from gateway.seeding import TEST_KEY, TEST_SECRET
from tests.web.client import ApiClient

GENERATOR = Path(sys.executable).parent / "openapi-python-client"
DRIVER = Path(__file__).parent / "client_driver.py"
CONFIG = {
    "package_name_override": "generated_client",
    "content_type_overrides": {"application/problem+json": "application/json"},
    "post_hooks": [],
}
SECONDS_MAX = 180


async def run(*command: str, cwd: Path, **environment: str) -> None:
    """Run a program; it has to end well."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=environment or None,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(SECONDS_MAX):
        output, _ = await process.communicate()
    assert 0 == process.returncode, output.decode()


async def test_a_generated_client_takes_a_payment(api: ApiClient, tmp_path: Path) -> None:
    """Generated without a warning; orders, pays, reads, repeats, and understands errors."""
    document, config = tmp_path / "openapi.json", tmp_path / "config.json"
    document.write_bytes((await api.get("//openapi.json")).body)
    config.write_text(json.dumps(CONFIG))
    await run(
        str(GENERATOR),
        "generate",
        "--path=openapi.json",
        "--config=config.json",
        "--meta=none",
        "--output-path=generated_client",
        "--fail-on-warning",
        cwd=tmp_path,
    )

    await run(
        sys.executable,
        str(DRIVER),
        api.url,
        TEST_KEY,
        TEST_SECRET,
        cwd=tmp_path,
        PYTHONPATH=str(tmp_path),
    )
