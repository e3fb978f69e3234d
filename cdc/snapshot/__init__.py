"""What snapshots of all databases share: how parts are read, and the markers of their rows."""
