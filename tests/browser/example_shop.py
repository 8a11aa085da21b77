"""The example shop as a process of its own, in front of a gateway."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.browser.sites import ROOT

SERVER = ROOT / "examples" / "shop" / "server.py"


@contextmanager
def open_shop(gateway_url: str) -> Iterator[str]:
    """Where the shop is, once it has told the gateway of its webhook."""
    command = [sys.executable, "-W", "error", str(SERVER), "--port", "0", "--gateway", gateway_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"the shop is open: (http://127\.0\.0\.1:\d+)/\n", line)
            assert found is not None, line
            yield found[1]
        finally:
            process.terminate()
