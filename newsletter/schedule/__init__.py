"""The clockwork of one machine; what is due is asked of the record at each tick, so it keeps nothing of its own."""
