"""What a processor says of itself makes sense."""

from __future__ import annotations

import math
import re
from importlib.metadata import entry_points

from gateway.domain.errors import InvalidRequest
from gateway.domain.instruments import METHODS
from gateway.domain.money import exponent
from gateway.processors.conformance.bench import Bench, require
from gateway.processors.protocol import Processor
from gateway.processors.registry import GROUP

__all__ = ["TraitsChecks"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_SETTING = re.compile(r"[a-z][a-z0-9_]*")
_MODES = {"test", "live"}


class TraitsChecks(Bench):
    """`traits`, `setting_names`, and the entry point."""

    async def test_the_entry_point_is_the_name(self) -> None:
        """An installed package names the class under `traits.name`."""
        name, kind = self.processor.traits.name, type(self.processor)
        require(
            _NAME.fullmatch(name) is not None,
            f"traits.name {name!r} is to be lower-case letters, digits, - and _: it stands in "
            "rules, metrics and paths",
        )
        points = [point for point in entry_points(group=GROUP) if point.name == name]
        require(
            any(point.load() is kind for point in points),
            f"no installed package names {kind.__qualname__} as {name!r} in the entry points "
            f"{GROUP!r}: is the package installed, and is traits.name the entry point's name?",
        )

    async def test_it_is_made_without_arguments(self) -> None:
        """The gateway makes it so, and reads its name before it starts it."""
        try:
            made = type(self.processor)()
        except TypeError as error:
            raise AssertionError(
                "the gateway makes a processor without arguments; what it needs comes with "
                "start(context)"
            ) from error
        require(
            made.traits.name == self.processor.traits.name,
            "traits.name is another one after start(); the gateway has it under the first",
        )

    async def test_the_timeout_is_a_time(self) -> None:
        """The lease of an attempt is counted from it."""
        seconds = self.processor.traits.timeout_seconds
        require(
            isinstance(seconds, int | float) and math.isfinite(seconds) and seconds > 0,
            f"traits.timeout_seconds is {seconds!r}; it is to be more than 0 and finite",
        )

    async def test_what_it_takes_is_known(self) -> None:
        """Modes, methods and currencies are those of the gateway: no rule leads to others."""
        traits = self.processor.traits
        require(
            bool(traits.modes) and traits.modes <= _MODES,
            f"traits.modes {sorted(traits.modes)} are to be some of {sorted(_MODES)}",
        )
        if traits.methods is not None:
            require(
                bool(traits.methods) and traits.methods <= set(METHODS),
                f"traits.methods {sorted(traits.methods)} are to be some of {list(METHODS)}, or "
                "None for all",
            )
        if traits.currencies is not None:
            require(bool(traits.currencies), "traits.currencies is empty; None is for all")
            unknown = sorted(code for code in traits.currencies if not _is_currency(code))
            require(not unknown, f"traits.currencies has {unknown}, which ISO 4217 has not")

    async def test_credentials_can_be_entered(self) -> None:
        """Each has a name of its own and a label, and there are some where they are needed."""
        traits = self.processor.traits
        names = [credential.name for credential in traits.credentials]
        require(len(set(names)) == len(names), f"traits.credentials has a name twice: {names}")
        for credential in traits.credentials:
            require(
                _SETTING.fullmatch(credential.name) is not None and bool(credential.label.strip()),
                f"traits.credentials: {credential.name!r} with label {credential.label!r} needs "
                "a lower-case name and a label for the form",
            )
        require(
            traits.shared_account or bool(names),
            "traits.shared_account is False and traits.credentials is empty: nobody could use it",
        )

    async def test_settings_have_names_of_the_environment(self) -> None:
        """`mybank_url` is read from `GATEWAY_MYBANK_URL`."""
        wrong = sorted(
            name for name in self.processor.setting_names if not _SETTING.fullmatch(name)
        )
        require(
            not wrong,
            f"setting_names has {wrong}: lower case, digits and _, without the prefix GATEWAY_",
        )

    async def test_cards_that_are_kept_can_be_forgotten(self) -> None:
        """`traits.stores_instruments` needs `forget`: customers may delete what is kept."""
        stores = self.processor.traits.stores_instruments
        self.skip_unless(stores, "traits.stores_instruments is False")
        require(
            type(self.processor).forget is not Processor.forget,
            "traits.stores_instruments is True, and forget() is not there",
        )


def _is_currency(code: str) -> bool:
    try:
        exponent(code)
    except InvalidRequest:
        return False
    return True
