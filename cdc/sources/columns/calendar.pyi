"""Dates of the proleptic Gregorian calendar: counting their days, and writing them as ISO 8601 does or part by part."""
