"""The write side of the pipeline: batches of provider items become rows, events and outbox rows."""

from wasup.db.sync.store import SqlSyncStore

__all__ = ["SqlSyncStore"]
