"""The checks that a payment processor is to pass: its author subclasses `ProcessorConformance`.

    from gateway.processors import conformance

    class TestMyBank(conformance.ProcessorConformance):
        async def start_processor(self): ...
        def approved(self): ...
        def declined(self): ...

It is a `unittest.TestCase` and needs nothing besides the standard library; pytest runs it, too.
docs/processors.md says what each check is for. `bench` has what an author may say of a processor.
"""

from __future__ import annotations

from gateway.processors.conformance.bench import SignedMessage
from gateway.processors.conformance.following import FollowingChecks
from gateway.processors.conformance.interruptions import InterruptionChecks
from gateway.processors.conformance.payments import PaymentChecks
from gateway.processors.conformance.secrecy import SecrecyChecks
from gateway.processors.conformance.services import ServiceChecks
from gateway.processors.conformance.traits import TraitsChecks

__all__ = ["ProcessorConformance", "SignedMessage"]


class ProcessorConformance(
    TraitsChecks,
    PaymentChecks,
    FollowingChecks,
    InterruptionChecks,
    SecrecyChecks,
    ServiceChecks,
):
    """All checks. What a processor does not claim is skipped, and the reason names the trait."""
