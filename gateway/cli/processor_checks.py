"""Whether processors take the credentials that the settings name. Nothing is moved."""

from __future__ import annotations

import asyncio

from gateway.cli.findings import Finding
from gateway.domain.clock import Clock
from gateway.environment import plugin_settings
from gateway.processors.protocol import CredentialsRefused, Processor, ProcessorContext
from gateway.processors.registry import Registry
from gateway.settings import Settings

__all__ = ["check_processors"]


async def check_processors(settings: Settings, registry: Registry) -> list[Finding]:
    """A finding for each processor that is used with credentials."""
    own = settings.model_dump()
    values = {**plugin_settings(registry.setting_names - own.keys()), **own}
    context = ProcessorContext(clock=Clock(), settings=values)
    return [
        await _check(processor, context)
        for processor in registry.processors.values()
        if processor.traits.credentials
    ]


async def _check(processor: Processor, context: ProcessorContext) -> Finding:
    name = processor.traits.name
    try:
        async with asyncio.timeout(processor.traits.timeout_seconds):
            await processor.start(context)
            if not processor.traits.shared_account:
                text = "the settings name no account of the gateway's own, none was tried"
                return Finding("ok", f"Processor {name}: {text}")
            await processor.check(None)
    except CredentialsRefused as refusal:
        return Finding("problem", f"Processor {name}: {refusal}")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return Finding(
            "warning", f"Processor {name} could not be asked ({type(error).__name__}: {error})"
        )
    finally:
        await processor.close()
    return Finding("ok", f"Processor {name} takes the credentials of the settings")
