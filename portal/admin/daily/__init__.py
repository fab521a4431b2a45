"""The daily reconciliation."""
