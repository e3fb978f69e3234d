"""What is looked at before a connector starts: facts read from the server once, and findings that are made of them."""
