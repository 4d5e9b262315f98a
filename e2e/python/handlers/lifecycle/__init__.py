"""Handlers that run until a test lets them go on, and say which process they ran in."""
