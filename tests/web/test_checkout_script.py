"""`/checkout.js` and its types as browsers of any shop fetch them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tests.web.client import ApiClient

EMBED = Path(__file__).resolve().parents[2] / "templates" / "embed"
PLAIN = {"Accept-Encoding": "identity"}
COMPRESSED_BYTES_MAX = 8 * 1024
each_file = pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("checkout.js", "text/javascript; charset=utf-8"),
        ("checkout.d.ts", "text/plain; charset=utf-8"),
    ],
)


@each_file
async def test_any_page_may_load_it(api: ApiClient, name: str, content_type: str) -> None:
    """It needs no credentials, may be used across origins, and is asked for anew soon."""
    answer = await api.get(f"//{name}", headers=PLAIN)

    assert 200 == answer.status
    assert content_type == answer.headers["Content-Type"]
    assert (EMBED / name).read_bytes() == answer.body
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert "cross-origin" == answer.headers["Cross-Origin-Resource-Policy"]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert answer.headers["Cache-Control"].startswith("public, max-age=300, stale-while-revalidate")
    assert "Accept-Encoding" == answer.headers["Vary"]


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("identity", False),
        ("xgzip", False),
    ],
)
async def test_it_is_compressed_where_wanted(
    api: ApiClient, accepted: str, is_compressed: bool
) -> None:
    """Who takes gzip gets it, with a tag of its own; nobody else does."""
    plain = await api.get("//checkout.js", headers=PLAIN)
    answer = await api.get("//checkout.js", headers={"Accept-Encoding": accepted})

    assert is_compressed == ("gzip" == answer.headers.get("Content-Encoding"))
    assert is_compressed == (plain.headers["ETag"] != answer.headers["ETag"])
    assert plain.body == (gzip.decompress(answer.body) if is_compressed else answer.body)


@each_file
async def test_what_has_not_changed_is_not_sent(
    api: ApiClient, name: str, content_type: str
) -> None:
    """A browser that has this version gets 304, also when a proxy has weakened its tag."""
    tag = (await api.get(f"//{name}")).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = await api.get(f"//{name}", headers={"If-None-Match": known})
        assert (304, b"") == (answer.status, answer.body)
        assert tag == answer.headers["ETag"]
    other = await api.get(f"//{name}", headers={"If-None-Match": '"other"'})

    assert (200, content_type) == (other.status, other.headers["Content-Type"])


async def test_head_and_other_methods(api: ApiClient) -> None:
    """HEAD says the length and sends nothing; what would change something is not allowed."""
    head = await api.call("HEAD", "//checkout.js", headers=PLAIN)

    assert (200, b"") == (head.status, head.body)
    assert str((EMBED / "checkout.js").stat().st_size) == head.headers["Content-Length"]
    assert 405 == (await api.post("//checkout.js")).status


async def test_the_script_is_small(api: ApiClient) -> None:
    """8 KiB on the wire at most, comments and all."""
    answer = await api.get("//checkout.js", headers={"Accept-Encoding": "gzip"})

    assert COMPRESSED_BYTES_MAX >= len(answer.body)


def test_the_script_is_for_old_browsers_too() -> None:
    """Nothing in it that came after ES2018, and nothing that a strict policy would forbid."""
    script = (EMBED / "checkout.js").read_text()
    code = re.sub(r"/\*.*?\*/|//[^\n]*|`[^`]*`|\"[^\"\n]*\"", "", script, flags=re.DOTALL)
    newer = (
        r"\?\.\D|\?\?|&&=|\|\|=|#\w|\d_\d|\d+n\b|\bstatic\b|catch \{|\bimport\b|\bexport\b|\.at\("
    )
    forbidden = r"innerHTML|outerHTML|\beval\b|Function\(|document\.write|\.flatMap|replaceAll"

    assert [] == re.findall(newer, code)
    assert [] == re.findall(forbidden, code)
    assert [] == [line for line in script.splitlines() if len(line) > 100]
