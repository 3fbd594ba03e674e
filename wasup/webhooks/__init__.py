"""Delivery of events over HTTP, by the Standard Webhooks specification (standardwebhooks.com)."""

from wasup.webhooks.poster import WebhookPoster

__all__ = ["WebhookPoster"]
