"""`merchant`, `user` and `key`: accounts, made and closed by the operator.

Secrets are printed once, to standard output, and stored so that nobody can read them again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, TypeVar
from uuid import UUID

import click

from gateway.domain.emails import is_email
from gateway.domain.roles import ROLES

if TYPE_CHECKING:
    from gateway.cli.administration import Administration

__all__ = ["key", "merchant", "user"]

_PERMISSION = re.compile(r"[a-z_]+:(read|write)")
_ONCE = "Keep the secrets: they are shown this once."


Result = TypeVar("Result")


def _administer(work: Callable[[Administration], Awaitable[Result]]) -> Result:
    from gateway.cli.administration import Administration
    from gateway.cli.execution import run_async

    return run_async(Administration.run(work))


class _Email(click.ParamType[str]):
    """Something at something; whether mail arrives there nobody can know."""

    name = "email"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """In lower case, so that one address is one account."""
        if not is_email(value):
            self.fail("is no email address", param, ctx)
        return value.lower()


@click.group()
def merchant() -> None:
    """Merchants: create, list, disable, fees."""


@merchant.command("create")
@click.option("--name", required=True, help="What the merchant is called.")
@click.option("--email", required=True, type=_Email(), help="Also the owner's login.")
def create_merchant(name: str, email: str) -> None:
    """Make a merchant with test and live keys and an owner for the dashboard."""
    made = _administer(lambda admin: admin.create_merchant(name, email))
    click.echo(f"merchant    {made.merchant_id}")
    for credentials in made.keys:
        click.echo(f"key         {credentials.key_id}\nsecret      {credentials.secret}")
    click.echo(f"login       {email}\npassword    {made.password}")
    click.echo(_ONCE, err=True)


@merchant.command("list")
def list_merchants() -> None:
    """List the merchants: id, state, name, email."""
    for row in _administer(lambda admin: admin.list_merchants()):
        state = "active  " if row.active else "disabled"
        click.echo(f"{row.id}  {state}  {row.name}  {row.email}")


@merchant.command("disable")
@click.argument("merchant_id", type=click.UUID)
def disable_merchant(merchant_id: UUID) -> None:
    """Refuse the merchant's keys from now on. What is under way goes on to its end."""
    _administer(lambda admin: admin.disable_merchant(merchant_id))
    click.echo(f"Merchant {merchant_id} is disabled.")


@merchant.command("fees")
@click.argument("merchant_id", type=click.UUID)
@click.option("--currency", required=True, help="In which currency the payments are, such as INR.")
@click.option(
    "--basis-points",
    type=click.IntRange(0, 10_000),
    required=True,
    help="1/10,000 of what is captured.",
)
@click.option(
    "--fixed",
    type=click.IntRange(0, 10**12),
    default=0,
    show_default=True,
    help="What is added once a payment, in minor units of the currency.",
)
@click.option(
    "--tax-basis-points",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    help="Tax on both, in 1/10,000 of them.",
)
def set_fees(
    merchant_id: UUID, currency: str, basis_points: int, fixed: int, tax_basis_points: int
) -> None:
    """Say what a merchant pays for payments. What was captured keeps its fee."""
    from gateway.domain.errors import Rejected
    from gateway.domain.fees import FeePlan
    from gateway.domain.money import exponent

    try:
        exponent(currency)
    except Rejected as refusal:
        raise click.UsageError(refusal.description) from None
    plan = FeePlan(basis_points=basis_points, fixed=fixed, tax_basis_points=tax_basis_points)
    _administer(lambda admin: admin.set_fee_plan(merchant_id, currency, plan))
    click.echo(f"Merchant {merchant_id} pays so from now on, within GATEWAY_FEE_PLANS_SECONDS.")


@click.group()
def user() -> None:
    """Users of the dashboard: create, reset a password."""


@user.command("create")
@click.option("--email", required=True, type=_Email(), help="The login.")
@click.option("--merchant", "merchant_id", type=click.UUID, help="Whose user; none for operators.")
@click.option(
    "--role",
    type=click.Choice(list(ROLES)),
    default="owner",
    show_default=True,
    help="What the user may do.",
)
def create_user(email: str, merchant_id: UUID | None, role: str) -> None:
    """Make a user with a random password, which is shown this once."""
    if (merchant_id is None) != (role == "operator"):
        raise click.UsageError("--merchant is needed for every role but operator, and only there")
    password = _administer(lambda admin: admin.create_user(email, merchant_id, role))
    click.echo(f"login       {email}\npassword    {password}")
    click.echo(_ONCE, err=True)


@user.command("reset-password")
@click.option("--email", required=True, type=_Email(), help="The login.")
def reset_password(email: str) -> None:
    """Give a user a new random password, which is shown this once."""
    password = _administer(lambda admin: admin.reset_password(email))
    click.echo(f"login       {email}\npassword    {password}")
    click.echo(_ONCE, err=True)


@click.group()
def key() -> None:
    """API keys: create, rotate, revoke."""


@key.command("create")
@click.option("--merchant", "merchant_id", type=click.UUID, required=True, help="Whose key.")
@click.option(
    "--mode", type=click.Choice(["test", "live"]), default="test", show_default=True, help="Mode."
)
@click.option(
    "--role",
    type=click.Choice(["full", "read_only", "restricted"]),
    default="full",
    show_default=True,
    help="What the key may do.",
)
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    help="One permission of a restricted key, such as orders:write; may be repeated.",
)
@click.option(
    "--expires-in-days", type=click.IntRange(1, 3650), help="After how many days it ends."
)
def create_key(
    merchant_id: UUID,
    mode: Literal["test", "live"],
    role: str,
    permissions: tuple[str, ...],
    expires_in_days: int | None,
) -> None:
    """Make an API key; its secret is shown this once."""
    if bool(permissions) != (role == "restricted"):
        raise click.UsageError("--permission is needed for --role restricted, and only there")
    for permission in permissions:
        if not _PERMISSION.fullmatch(permission):
            raise click.UsageError(f"{permission} is no permission such as orders:read")
    made = _administer(
        lambda admin: admin.create_key(merchant_id, mode, role, permissions, expires_in_days)
    )
    click.echo(f"key         {made.key_id}\nsecret      {made.secret}")
    click.echo(_ONCE, err=True)


@key.command("rotate")
@click.argument("key_id")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 7 * 24),
    default=24,
    show_default=True,
    help="How long the old key holds; 0 when it has leaked.",
)
def rotate_key(key_id: str, overlap_hours: int) -> None:
    """Put a new key in the place of one; its secret is shown this once."""
    made = _administer(lambda admin: admin.rotate_key(key_id, overlap_hours * 3600))
    click.echo(f"key         {made.key_id}\nsecret      {made.secret}")
    click.echo(_ONCE, err=True)


@key.command("revoke")
@click.argument("key_id")
def revoke_key(key_id: str) -> None:
    """Refuse a key from now on, in all running gateways."""
    _administer(lambda admin: admin.revoke_key(key_id))
    click.echo(f"Key {key_id} is revoked.")
