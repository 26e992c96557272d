"""The commands of `precedent`, one module each."""
