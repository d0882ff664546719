"""Outbound webhooks: other systems are told what happens, until they have heard it."""
