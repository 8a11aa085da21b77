"""What `gateway check` says: the settings in effect, and whether a gateway can be started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from gateway.cli.checks import check_stores
from gateway.cli.findings import Finding, Report
from gateway.cli.processor_checks import check_processors
from gateway.effective import shown_settings
from gateway.environment import unknown_variables, variables_of
from gateway.processors.registry import Registry, discover
from gateway.settings import InvalidSettings, Settings, load_settings

__all__ = ["make_report", "settings_in_effect"]

_LABELS: dict[Literal["ok", "warning", "problem"], str] = {
    "ok": "ok     ",
    "warning": "warning",
    "problem": "PROBLEM",
}


async def make_report() -> Report:
    """Look at everything; what cannot be reached is a finding, not an error."""
    registry = discover()
    findings = list(_about_names(registry))
    try:
        settings = load_settings()
    except InvalidSettings as invalid:
        findings += [Finding("problem", text) for text in invalid.problems]
        return _report([], findings)
    findings += _about_settings(settings)
    findings += await check_stores(settings)
    findings += await check_processors(settings, registry)
    return _report([*settings_in_effect(settings), *_plugin_lines(registry)], findings)


def settings_in_effect(settings: Settings) -> Iterator[str]:
    """A line a setting: variable, value, and what sets it if it is not the default."""
    for variable, shown, source in shown_settings(settings):
        origin = "" if source is None else "  (set)" if source == variable else f"  ({source})"
        yield f"{variable:<40} {shown}{origin}"


def _plugin_lines(registry: Registry) -> Iterator[str]:
    """The names alone: which of them are secrets only the plugin knows."""
    for name in sorted(registry.setting_names - Settings.model_fields.keys()):
        yield f"{variables_of(name)[0]:<40} (a processor's own)"


def _about_names(registry: Registry) -> Iterator[Finding]:
    for unknown in unknown_variables(Settings, registry.setting_names):
        yield Finding("problem", str(unknown))
    for broken in registry.broken:
        yield Finding("problem", str(broken))


def _about_settings(settings: Settings) -> Iterator[Finding]:
    if settings.test_mode:
        yield Finding("warning", "TEST_MODE is on: everybody knows the test merchant's credentials")
    elif settings.public_url is None:
        yield Finding("warning", "GATEWAY_PUBLIC_URL is not set: links name this machine")
    if settings.test_controls and not settings.test_mode:
        yield Finding("warning", "GATEWAY_TEST_CONTROLS has no effect without TEST_MODE")
    if settings.operations_port is None and not settings.test_mode:
        yield Finding("warning", "GATEWAY_OPERATIONS_PORT is not set: metrics are public")


def _report(settings: list[str], findings: list[Finding]) -> Report:
    lines = ["Settings in effect", "", *settings, ""] if settings else []
    lines += ["Findings", ""]
    lines += [f"{_LABELS[each.kind]}  {each.text}" for each in findings]
    problems = sum(1 for each in findings if each.kind == "problem")
    summary = f"Problems found: {problems}" if problems else "No problems found"
    return Report("\n".join([*lines, "", summary]), problems == 0)
