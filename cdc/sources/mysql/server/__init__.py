"""What a server says of itself: its facts, where its log ends and how long it is kept, and whether a stored position can go on."""
