"""Webhooks: the signatures, keys and files of both directions, which have a room each."""
