"""What people call the browser that a `User-Agent` stands for."""

from __future__ import annotations

__all__ = ["agent_name"]

# The first mark that is there counts: browsers call themselves by their ancestors' names, too.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def agent_name(agent: str) -> str:
    """Such as `Firefox on Windows`; what is no browser keeps the name it gave itself."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), None)
    if browser is None:
        return agent.partition("/")[0][:40] or "Unknown browser"
    system = next((name for mark, name in _SYSTEMS if mark in agent), None)
    return browser if system is None else f"{browser} on {system}"
