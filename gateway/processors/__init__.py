"""Payment processors behind one protocol: the simulated bank, and what installed packages add.

A package adds a processor by an entry point in the group `gateway.processors` that names a subclass
of `Processor`; `registry` finds it.
"""
