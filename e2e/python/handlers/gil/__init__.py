"""Handlers that let no other thread of their process run."""
