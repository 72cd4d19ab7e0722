"""WHO: which recipients a send writes to, and why each of the others is kept out. Pure: takes frames, returns frames."""
