"""One request on one page, and its acts."""
