"""Assembly: source → converter → publisher, cut at source commits, with retries."""
