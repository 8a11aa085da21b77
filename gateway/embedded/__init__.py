"""Postgres and Redis servers of our own, for when nobody names any: `gateway serve` just runs."""

from gateway.embedded.base import EmbeddedServer
from gateway.embedded.data_directory import DataDirectory
from gateway.embedded.errors import DataDirectoryInUse, EmbeddedStoreError
from gateway.embedded.postgres_server import EmbeddedPostgres
from gateway.embedded.redis_server import EmbeddedRedis
from gateway.embedded.stores import EmbeddedStores, StoreAddresses

__all__ = [
    "DataDirectory",
    "DataDirectoryInUse",
    "EmbeddedPostgres",
    "EmbeddedRedis",
    "EmbeddedServer",
    "EmbeddedStoreError",
    "EmbeddedStores",
    "StoreAddresses",
]
