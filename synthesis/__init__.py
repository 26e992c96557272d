"""Learn-by-interact's data: documents to instructions to rollouts to pairs, filtered, in runs that resume."""
