"""Processors are found through the entry points of installed packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.domain.clock import Clock
from gateway.processors.authorizenet.processor import AuthorizeNet
from gateway.processors.protocol import ProcessorContext
from gateway.processors.registry import BrokenProcessor, UnknownProcessor, discover
from gateway.processors.simulator import SimulatedBank

PLUGIN = """
from gateway.domain.outcomes import Declined, ProcessorTraits
from gateway.processors.protocol import Processor

class Bank(Processor):
    traits = ProcessorTraits(name="{name}", timeout_seconds=5)
    setting_names = frozenset({{"{name}_key"}})
    seen = []

    async def start(self, context):
        self.seen.append(dict(context.settings))
        {start}

    async def close(self):
        self.seen.append("closed")
        {close}

    async def charge(self, transaction):
        return Declined()

    authorize = capture = void = refund = lookup = charge
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package with one module and one entry point, as pip would leave it."""
    monkeypatch.syspath_prepend(tmp_path)

    def package(
        name: str,
        *,
        source: str | None = None,
        entry: str | None = None,
        target: str | None = None,
        start: str = "pass",
        close: str = "pass",
    ) -> None:
        module = f"{name}_for_{tmp_path.name}"  # a name of its own in sys.modules
        code = PLUGIN.format(name=name, start=start, close=close) if source is None else source
        (tmp_path / f"{module}.py").write_text(code)
        information = tmp_path / f"{name}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0")
        (information / "entry_points.txt").write_text(
            f"[gateway.processors]\n{entry or name} = {target or module + ':Bank'}\n"
        )

    return package


def test_our_own_processors_are_found() -> None:
    """They come through the same entry points as anybody else's."""
    registry = discover(strict=True)

    assert isinstance(registry.get("simulator"), SimulatedBank)
    assert frozenset({"test"}) == registry.traits["simulator"].modes
    assert "simulator_delay" in registry.setting_names
    assert isinstance(registry.get("authorizenet"), AuthorizeNet)
    assert frozenset({"card"}) == registry.traits["authorizenet"].methods


def test_an_installed_package_adds_a_processor(install: Install) -> None:
    """A package with an entry point is all it takes."""
    install("acmebank")

    registry = discover(strict=True)

    assert {"simulator", "authorizenet", "acmebank"} == set(registry.processors)
    assert 5 == registry.traits["acmebank"].timeout_seconds
    assert () == registry.broken


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"source": "raise ImportError('needs libacme')"}, "ImportError: needs libacme"),
        ({"target": "no_such_module_anywhere:Bank"}, "ModuleNotFoundError"),
        ({"source": "x = 1"}, "AttributeError"),
        ({"source": "Bank = dict"}, "is no gateway.processors.protocol.Processor"),
        ({"source": "Bank = 5"}, "TypeError"),
        ({"entry": "other"}, "its traits call it 'acmebank'"),
    ],
)
def test_a_broken_package_is_named_and_stops_nobody(
    install: Install, changes: dict[str, str], problem: str
) -> None:
    """The error names processor and package; the others work, unless strictness is asked for."""
    install("acmebank", **changes)
    name = changes.get("entry", "acmebank")

    registry = discover()

    assert {"simulator", "authorizenet"} == set(registry.processors)
    assert [("acmebank", name)] == [(each.package, each.name) for each in registry.broken]
    assert problem in str(registry.broken[0])
    with pytest.raises(UnknownProcessor, match=f"Processor {name} of package acmebank"):
        registry.get(name)
    with pytest.raises(BrokenProcessor, match="package acmebank cannot be used"):
        discover(strict=True)


def test_nobody_takes_the_name_of_another(install: Install) -> None:
    """Our own simulator stays what it is when a package brings one of that name."""
    install("simulator")

    registry = discover()

    assert isinstance(registry.get("simulator"), SimulatedBank)
    assert "package payment-gateway has one of that name" in str(registry.broken[0])


def test_an_unknown_processor_says_which_are_there() -> None:
    """The message helps whoever mistyped a name."""

    expected = r"No processor 'stripe'; there are: authorizenet, simulator$"
    with pytest.raises(UnknownProcessor, match=expected):
        discover().get("stripe")


def context(**settings: object) -> ProcessorContext:
    return ProcessorContext(clock=Clock(), settings=settings)


async def test_a_processor_sees_its_own_settings_alone(install: Install) -> None:
    """Nothing but what a processor declares reaches it; the others' secrets do not."""
    install("acmebank")
    registry = discover()
    seen = registry.get("acmebank").seen

    await registry.start(context(acmebank_key="k", encryption_key="secret"))
    await registry.close()

    assert [{"acmebank_key": "k"}, "closed"] == seen


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        ("raise ValueError('acmebank_key is missing')", "ValueError at its start: acmebank_key is"),
        ("raise OSError('http://user:secret@host')", "OSError at its start"),
    ],
)
async def test_one_that_does_not_start_is_left_out(
    install: Install, start: str, shown: str
) -> None:
    """A failed start is told without what may be secret, and the processor is closed and gone."""
    install("acmebank", start=start, close="raise RuntimeError('never opened')")
    registry = discover()
    registry.get("acmebank")

    await registry.start(context())
    await registry.close()

    assert "acmebank" not in registry.processors
    broken = next(each for each in registry.broken if each.name == "acmebank")
    assert shown in str(broken)
    assert "secret" not in str(broken)


async def test_a_strict_start_closes_what_was_started(install: Install) -> None:
    """When one fails and all are wanted, none is left open."""
    install("acmebank")
    registry = discover(strict=True)  # the simulator fails first: there is no pool

    with pytest.raises(BrokenProcessor, match="needs a pool"):
        await registry.start(context())

    assert ["closed"] == registry.get("acmebank").seen


async def test_one_that_does_not_close_keeps_no_other_open(install: Install) -> None:
    """All are closed before anybody hears of the one that failed."""
    install("acmebank")
    install("zenbank", close="raise RuntimeError('stuck')")
    registry = discover()
    await registry.start(context())

    with pytest.raises(ExceptionGroup) as caught:
        await registry.close()

    assert ["stuck"] == [str(error) for error in caught.value.exceptions]
    assert "closed" == registry.get("acmebank").seen[-1]
