"""What the documentation claims about speed and size, measured: `python -m benchmarks`."""
