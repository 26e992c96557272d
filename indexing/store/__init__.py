"""The record store: the truth that every index is derived from, in SQL."""
