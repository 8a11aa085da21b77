"""All settings, read once at the start. `gateway check` prints them with secrets hidden.

docs/settings.md is made of this package: `python -m gateway.cli.reference > docs/settings.md`.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.environment import EnvironmentSource, InvalidSettings, source_of, variables_of
from gateway.settings.actors import ActorSettings
from gateway.settings.authorizenet import AuthorizeNetSettings
from gateway.settings.breakers import BreakerSettings
from gateway.settings.dashboard import DashboardSettings
from gateway.settings.inbound import InboundSettings
from gateway.settings.kinds import SettingsSection
from gateway.settings.limits import LimitSettings
from gateway.settings.money import MoneySettings
from gateway.settings.processors import ProcessorSettings
from gateway.settings.simulator import SimulatorSettings
from gateway.settings.stores import StoreSettings
from gateway.settings.surfaces import SurfaceSettings
from gateway.settings.testing import TestModeSettings
from gateway.settings.webhooks import WebhookSettings

__all__ = ["SECTIONS", "InvalidSettings", "Settings", "load_settings"]

SECTIONS: dict[str, type[SettingsSection]] = {
    "Stores": StoreSettings,
    "Surfaces": SurfaceSettings,
    "Limits": LimitSettings,
    "Dashboard": DashboardSettings,
    "Test mode": TestModeSettings,
    "Actors": ActorSettings,
    "Money": MoneySettings,
    "Processors": ProcessorSettings,
    "Retries and circuit breakers": BreakerSettings,
    "Webhooks": WebhookSettings,
    "Notifications of processors": InboundSettings,
    "The simulated bank": SimulatorSettings,
    "Authorize.Net": AuthorizeNetSettings,
}


# Pydantic puts the attributes of the last base first.
class Settings(
    AuthorizeNetSettings,
    SimulatorSettings,
    InboundSettings,
    WebhookSettings,
    BreakerSettings,
    ProcessorSettings,
    MoneySettings,
    ActorSettings,
    TestModeSettings,
    DashboardSettings,
    LimitSettings,
    SurfaceSettings,
    StoreSettings,
    BaseSettings,
):
    """One attribute a setting; its name in capitals with `GATEWAY_` before it is the variable's.

    Those of `environment.BARE` are known without the prefix as well.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed in comes first, then the environment; there are no other places."""
        del env_settings, dotenv_settings, file_secret_settings
        return init_settings, EnvironmentSource(settings_cls)


def load_settings(**fixed: Any) -> Settings:
    """The settings of the environment, with those in `fixed` as they are given.

    Raises InvalidSettings, which names every variable that is wrong and shows no value.
    """
    try:
        return Settings(**fixed)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidSettings(
            f"{_variable(str(each['loc'][0]))}: {each['msg'].removeprefix('Value error, ')}"
            for each in problems
        ) from None


def _variable(name: str) -> str:
    field = Settings.model_fields.get(name)
    return (source_of(name, field) if field else None) or variables_of(name)[0]
