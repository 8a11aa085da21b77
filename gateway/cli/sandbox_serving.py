"""A sandbox in this process: started, told of, and stopped by a signal."""

from __future__ import annotations

import asyncio
import signal

import click
import orjson

from gateway.sandbox.authorizenet import Options, Sandbox

__all__ = ["serve_authorizenet"]


async def serve_authorizenet(options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Once it is ready a line of JSON says where it listens."""
    server = Sandbox(options)
    await server.start()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    ready = {
        "event": "sandbox_ready",
        "url": server.url,
        "api_url": server.api_url,
        "control_url": server.control_url,
        "login_id": options.login_id,
        "transaction_key": options.transaction_key,
        "signature_key": options.signature_key,
    }
    click.echo(_banner(server.api_url, server.url, server.control_url))
    click.echo(orjson.dumps(ready))
    await stopped.wait()
    await server.stop()


def _banner(api_url: str, url: str, control_url: str) -> str:
    return f"""Authorize.Net, simulated. Ctrl-C stops it; nothing is kept.

  JSON API   {api_url}
  Webhooks   {url}/rest/v1/webhooks
  Control    {control_url}/control/transactions
"""
