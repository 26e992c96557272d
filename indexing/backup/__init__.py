"""Collections in one file: taken while others write, checked whole before anything is restored."""
