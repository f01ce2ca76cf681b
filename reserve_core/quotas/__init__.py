"""How many requests a client may send in a time: the algorithm, and counters in memory and in Redis."""
