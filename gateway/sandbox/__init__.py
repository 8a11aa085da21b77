"""Processors that are not there: servers that answer as the real ones do, to test and to try out.

They are judges of our adapters, so they import nothing of ours but the clock: each has its own idea
of the wire.
"""
