"""Notification rules: people are told what happens, and what they press is done."""
