"""How hypothesis runs here: without deadlines, and with the same examples every time in CI.

A failure prints a blob that repeats it: `@reproduce_failure(...)`.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("domain", deadline=None, print_blob=True)
settings.register_profile("domain-ci", settings.get_profile("domain"), derandomize=True)
settings.load_profile("domain-ci" if os.environ.get("CI") else "domain")
