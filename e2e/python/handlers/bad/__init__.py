"""Handlers that do what a handler must not do."""
