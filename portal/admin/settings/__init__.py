"""The town's settings."""
