"""Real environments behind one small seam: reset, observe, act, done, reward. Knows no other room."""
