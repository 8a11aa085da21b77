"""`serve` and `demo`: a gateway until a signal ends it."""

from __future__ import annotations

import sys

import click

__all__ = ["demo", "serve"]


@click.command()
def serve() -> None:
    """Run the gateway until SIGTERM or SIGINT.

    The first signal lets what is under way finish, the second one ends the process at once.
    """
    from gateway.cli.execution import reporting
    from gateway.cli.running import run
    from gateway.settings import load_settings

    with reporting():
        sys.exit(run(load_settings()))


@click.command()
def demo() -> None:
    """Try it out: test mode, stores of its own, on this machine only.

    Needs nothing installed beside it. PORT and GATEWAY_DATA_DIR may choose other places than port
    8000 and the directory `data`; DATABASE_URL and REDIS_URL are left alone.
    """
    from gateway.cli.execution import reporting
    from gateway.cli.running import demo_banner, run
    from gateway.settings import load_settings

    with reporting():
        settings = load_settings(
            test_mode=True,
            test_controls=False,
            host="127.0.0.1",
            database_url=None,
            redis_url=None,
            encryption_key=None,
        )
        click.echo("Starting. The first time takes a few seconds: a database is made.")
        sys.exit(run(settings, ready=lambda url: click.echo(demo_banner(settings, url))))
