"""What waits for its second person."""
