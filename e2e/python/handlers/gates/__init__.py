"""Handlers that run until a test lets them go on."""
