"""What `cdc-stream deadletters` prints."""
