"""JSON's scalars as Jackson writes them: strings, base64 and numbers, straight into a buffer; for compiled code only."""
