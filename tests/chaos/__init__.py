"""Workers and stores that are killed, frozen and cut off, by processes, against the clock."""
