"""How an environment is put into words: one rule for recordings and live episodes. Knows no other room."""
