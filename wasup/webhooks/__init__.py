"""Delivery of events over HTTP: natively by the Standard Webhooks specification, or as the service before wasup did."""

from wasup.webhooks.poster import AskFacts, FetchMedia, PosterSettings, WebhookPoster

__all__ = ["AskFacts", "FetchMedia", "PosterSettings", "WebhookPoster"]
