"""Shortest decimals of binary floating point numbers, for compiled code only."""
