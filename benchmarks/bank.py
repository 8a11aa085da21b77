"""A server that answers as Authorize.Net does: at once, or on the path `/silent` never."""

from __future__ import annotations

import asyncio

from aiohttp import web

from benchmarks.serving import serve

__all__ = ["APPROVED"]

APPROVED = (
    b'\xef\xbb\xbf{"transactionResponse":{"responseCode":"1","authCode":"QWX20S",'
    b'"avsResultCode":"Y","cvvResultCode":"P","cavvResultCode":"2","transId":"2228446239",'
    b'"refTransID":"","transHash":"56B2D50D73CAB8C6EDE7A92B9BB235BD","testRequest":"0",'
    b'"accountNumber":"XXXX1111","accountType":"Visa","messages":[{"code":"1",'
    b'"description":"This transaction has been approved."}]},"refId":"94564789",'
    b'"messages":{"resultCode":"Ok","message":[{"code":"I00001","text":"Successful."}]}}'
)
"""An approval, byte order mark included."""


async def _approve(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=APPROVED, content_type="application/json")


async def _never(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.Event().wait()
    raise AssertionError


def main() -> None:
    application = web.Application()
    application.router.add_post("/xml/v1/request.api", _approve)
    application.router.add_post("/silent", _never)
    serve(application)


if __name__ == "__main__":
    main()
