"""Webhook delivery: one actor for each endpoint, so that a slow one delays no other."""

from wasup.actors.delivery.actor import DeliveryActor
from wasup.actors.delivery.circuit import Circuit
from wasup.actors.delivery.schedule import retry_delay

__all__ = ["Circuit", "DeliveryActor", "retry_delay"]
