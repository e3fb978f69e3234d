"""What a server says and is asked for: its catalogue, slot and publication, and whether a stored position can go on."""
