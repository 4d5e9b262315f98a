"""Handlers that carry payloads through, or make large ones."""
