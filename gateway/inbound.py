"""What processors send by themselves: where it comes in, and who handles it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gateway.actors.enqueuer import Enqueuer
from gateway.actors.inbound import InboundContext, NotificationHandler
from gateway.actors.inbound_intake import NotificationIntake
from gateway.actors.journal import FaultPoint
from gateway.actors.processor_accounts import ProcessorAccounts
from gateway.actors.region import Region
from gateway.actors.supervisor import ChildSpec, Supervisor
from gateway.domain.clock import Clock
from gateway.observers import Observers
from gateway.processors.protocol import Processor
from gateway.settings import Settings
from gateway.storage.pool import Pool

__all__ = ["Inbound"]


@dataclass(kw_only=True)
class Inbound:
    """The intake, and a handler for each processor that sends anything."""

    settings: Settings
    pool: Pool
    clock: Clock
    orders: Region
    enqueuer: Enqueuer
    observers: Observers
    processors: Mapping[str, Processor]
    accounts: ProcessorAccounts
    fault: FaultPoint

    @cached_property
    def handlers(self) -> Mapping[str, NotificationHandler]:
        """By the processor's name."""
        context = InboundContext(
            pool=self.pool,
            orders=self.orders,
            enqueuer=self.enqueuer,
            accounts=self.accounts,
            clock=self.clock,
            interval_seconds=self.settings.recovery_seconds,
            calls_max=self.settings.inbound_calls_max,
            tries_max=self.settings.inbound_tries_max,
            ask_seconds=self.settings.ask_seconds,
            observe=self.observers.notification,
            fault=self.fault,
        )
        return {
            name: NotificationHandler(processor, context)
            for name, processor in self.processors.items()
            if type(processor).parse_notification is not Processor.parse_notification
        }

    @cached_property
    def intake(self) -> NotificationIntake:
        """Where messages come in."""
        return NotificationIntake(
            pool=self.pool,
            processors={name: self.processors[name] for name in self.handlers},
            accounts=self.accounts,
            clock=self.clock,
            notifications_max=self.settings.inbound_message_max,
            arrived=self.look,
            observe=self.observers.notification,
            fault=self.fault,
        )

    def look(self, processor: str) -> None:
        """There is something new, or something to be tried again."""
        if processor in self.handlers:
            self.handlers[processor].look()

    def supervisor(self) -> Supervisor:
        """The handlers as one child of the tree."""
        return Supervisor(
            "inbound",
            [
                ChildSpec(name=name, factory=lambda handler=handler: handler)  # type: ignore[misc] # a default of its own
                for name, handler in self.handlers.items()
            ],
            restarts=self.settings.restarts_max,
            period_seconds=self.settings.restarts_period_seconds,
        )
