"""The test system of the compose fixture, run as processes of one test."""
