"""The processors that are there: found through entry points, started and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points

from gateway.domain.outcomes import ProcessorTraits
from gateway.processors.protocol import Processor, ProcessorContext

__all__ = ["GROUP", "BrokenProcessor", "Registry", "UnknownProcessor", "discover"]

GROUP = "gateway.processors"
_OURS = "payment-gateway"


class UnknownProcessor(LookupError):
    """No processor of this name is there; the message says which are, and what is broken."""


class BrokenProcessor(Exception):
    """A processor that cannot be used; the message names it, its package and what is wrong."""

    def __init__(self, name: str, package: str, problem: str) -> None:
        super().__init__(f"Processor {name} of package {package} cannot be used: {problem}")
        self.name = name
        self.package = package
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Found:
    processor: Processor
    package: str


class Registry:
    """Processors by name. One that is broken stands in `broken` and does not stop the others.

    `strict`: the first broken one is raised instead.
    """

    def __init__(self, *, strict: bool = False, start_seconds_max: float = 30.0) -> None:
        self._strict = strict
        self._start_seconds_max = start_seconds_max
        self._found: dict[str, _Found] = {}
        self._broken: list[BrokenProcessor] = []

    @property
    def broken(self) -> Sequence[BrokenProcessor]:
        """What could not be loaded or started."""
        return tuple(self._broken)

    @property
    def processors(self) -> Mapping[str, Processor]:
        """Those that can be used, by name."""
        return {name: found.processor for name, found in self._found.items()}

    @property
    def traits(self) -> Mapping[str, ProcessorTraits]:
        """What each says of itself; final after `start`."""
        return {name: found.processor.traits for name, found in self._found.items()}

    @property
    def setting_names(self) -> frozenset[str]:
        """All settings that processors declare, as in `ProcessorContext.settings`."""
        declared = (found.processor.setting_names for found in self._found.values())
        return frozenset().union(*declared)

    def get(self, name: str) -> Processor:
        """The processor of that name. Raises UnknownProcessor."""
        if name in self._found:
            return self._found[name].processor
        problems = [str(broken) for broken in self._broken if broken.name == name]
        known = ", ".join(sorted(self._found)) or "none"
        raise UnknownProcessor("; ".join(problems) or f"No processor {name!r}; there are: {known}")

    def add(self, processor: Processor, package: str) -> None:
        """Add one processor. Raises BrokenProcessor when strict and its name is taken."""
        name = processor.traits.name
        if name in self._found:
            other = self._found[name].package
            self._fail(BrokenProcessor(name, package, f"package {other} has one of that name"))
        else:
            self._found[name] = _Found(processor, package)

    def load(self, point: EntryPoint) -> None:
        """Import and add what an entry point names. Raises BrokenProcessor when strict."""
        package = _package(point)
        try:
            processor = _instance(point)
        except Exception as error:  # noqa: BLE001 - foreign code, which may raise anything
            self._fail(BrokenProcessor(point.name, package, f"{type(error).__name__}: {error}"))
        else:
            self.add(processor, package)

    async def start(self, context: ProcessorContext) -> None:
        """Start all, each with those of `context.settings` that it declares.

        Raises BrokenProcessor when strict; those that were started are closed then.
        """
        for name, found in list(self._found.items()):
            try:
                async with asyncio.timeout(self._start_seconds_max):
                    await found.processor.start(_narrowed(context, found.processor))
            except Exception as error:  # noqa: BLE001 - foreign code, which may raise anything
                del self._found[name]
                await _close(found)
                await self._drop(BrokenProcessor(name, found.package, _start_problem(error)))

    async def close(self) -> None:
        """Close all, last started first. What they raise is raised when all are closed."""
        problems = [await _close(found) for found in reversed(self._found.values())]
        raised = [problem for problem in problems if problem is not None]
        if raised:
            raise ExceptionGroup("processors did not close", raised)

    async def _drop(self, broken: BrokenProcessor) -> None:
        if self._strict:
            await self.close()
        self._fail(broken)

    def _fail(self, broken: BrokenProcessor) -> None:
        if self._strict:
            raise broken
        self._broken.append(broken)


def discover(*, strict: bool = False) -> Registry:
    """Load what installed packages name in the group `gateway.processors`; ours comes first.

    Raises BrokenProcessor when strict.
    """
    registry = Registry(strict=strict)
    points = entry_points(group=GROUP)
    for point in sorted(points, key=lambda each: (_package(each) != _OURS, _package(each))):
        registry.load(point)
    return registry


def _instance(point: EntryPoint) -> Processor:
    made = point.load()()
    if not isinstance(made, Processor):
        raise TypeError(f"{point.value} is no gateway.processors.protocol.Processor")
    if made.traits.name != point.name:
        raise ValueError(f"its traits call it {made.traits.name!r}")
    return made


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "(unknown)"


async def _close(found: _Found) -> Exception | None:
    try:
        await found.processor.close()
    except Exception as error:  # noqa: BLE001 - one that does not close keeps no other open
        return error
    return None


def _start_problem(error: Exception) -> str:
    """A ValueError is about settings and meant to be read; other messages may quote secrets."""
    detail = f": {error}" if isinstance(error, ValueError) else ""
    return f"{type(error).__name__} at its start{detail}"


def _narrowed(context: ProcessorContext, processor: Processor) -> ProcessorContext:
    names = processor.setting_names & context.settings.keys()
    return replace(context, settings={name: context.settings[name] for name in sorted(names)})
