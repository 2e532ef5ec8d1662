"""`goncordia watch`."""
