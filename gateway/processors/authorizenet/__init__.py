"""Authorize.Net: its JSON API, translated to what a processor is to the gateway.

`processor` is the processor itself and what decides; `client` sends and receives; `requests`,
`replies` and `codes` are pure translations; `searching` finds transactions whose answer was lost,
`profiles` keeps cards, `notifications` reads what Authorize.Net sends by itself.
docs/authorize-net.md says what is mapped how.
"""
