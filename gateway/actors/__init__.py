"""Actors: the machinery (runtime, supervisor, region, batching) and those who use it."""
