"""`check`, `migrate` and `reseal`: what is done to the stores beside a gateway."""

from __future__ import annotations

import sys

import click

__all__ = ["check", "migrate", "reseal"]


@click.command()
@click.option("--books", is_flag=True, help="Look through the books instead.")
def check(books: bool) -> None:
    """Print the settings in effect, secrets hidden, and what is wrong with them.

    Looks at the stores too: whether they are reached, up to date, and the key is the right one.
    Asks processors whether they take the credentials that the settings name.
    Nothing is changed. The status is 0 when a gateway can be started, 1 otherwise.

    With --books it looks through the ledger: whether it adds up, has a transaction for each change
    of money and for nothing else, and says what payments, refunds and disputes say. The status is
    1 when it does not.
    """
    from gateway.cli.books import make_books_report
    from gateway.cli.execution import run_async
    from gateway.cli.reports import make_report

    report = run_async(make_books_report() if books else make_report())
    click.echo(report.text)
    sys.exit(0 if report.is_good else 1)


@click.command()
def migrate() -> None:
    """Bring the database up to date.

    `serve` does it as well; run this first where that is to be a step of its own.
    """
    from gateway.cli.execution import run_async
    from gateway.cli.migrating import migrate_database
    from gateway.settings import load_settings

    async def work() -> list[str]:
        return await migrate_database(load_settings())

    applied = run_async(work())
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("The database is up to date.")


@click.command()
def reseal() -> None:
    """Move what is stored to the first of several encryption keys.

    Put the new key before the old one in GATEWAY_ENCRYPTION_KEY and restart all gateways first.
    A quarter of an hour after this has ended, the old key may be left out.
    """
    from gateway.cli.execution import run_async
    from gateway.cli.resealing import reseal_everything

    count = run_async(reseal_everything())
    click.echo(f"Values sealed with the first key now: {count}")
